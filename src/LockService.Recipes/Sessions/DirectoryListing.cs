using LockService.ZooKeeper;

namespace LockService.Recipes.Sessions;

/// <summary>The children of a node, and the node itself as it was when that was read, a moment after the names.</summary>
/// <param name="Names">Bare names in no particular order.</param>
/// <param name="Directory">The node.</param>
internal sealed record DirectoryListing(IReadOnlyList<string> Names, NodeData Directory)
{
    /// <summary>Number of parts that a listing takes in a batch of reads.</summary>
    internal const int Parts = 2;

    /// <summary>
    /// The transaction that last changed the names. If it is that of a node's creation, nothing has come or gone from then until after
    /// the names were listed.
    /// </summary>
    internal long ChildrenZxid => Directory.Stat.ChildrenZxid;

    /// <summary>Adds the reads of a listing to a batch: the names first, so that a later date proves that they still held.</summary>
    internal static void AddTo(ReadBatch batch, string path) => batch.GetChildren(path).GetData(path);

    /// <summary>Takes a listing out of a batch's result; null if there is no such node.</summary>
    /// <exception cref="RequestRefusedException">The server refused to read it.</exception>
    internal static DirectoryListing? From(ReadBatchResult result, int index) =>
        result.Children(index) is { } names && result.Data(index + 1) is { } directory ? new DirectoryListing(names, directory) : null;
}
