using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>Where a lock's contenders are: <c>&lt;root&gt;/locks/&lt;name&gt;</c>, a container that names its kind.</summary>
internal sealed class LockDirectory(string root, string lockName)
{
    private static readonly byte[] s_kind = "lock"u8.ToArray();

    internal string Path { get; } = $"{Parent(root)}/{lockName}";

    internal static string Parent(string root) => $"{root}/locks";

    internal string Child(string name) => $"{Path}/{name}";

    /// <summary>
    /// Whether the directory was made by an instance of the service, so that it may be replaced by another one like it. Its mark tells; that it is
    /// a container cannot be seen, since servers give containers no owner that clients could tell from none.
    /// </summary>
    internal static bool IsOurs(DirectoryListing listing) => listing.Directory.Data.Span.SequenceEqual(s_kind);

    /// <summary>Adds the directory's creation to a unit.</summary>
    internal CommitUnit AddCreation(CommitUnit unit) => unit.Create(Path, s_kind, CreateMode.Container);

    /// <summary>Makes the nodes above; they are never removed, so that doing it twice is no harm.</summary>
    internal static Func<ZooKeeperClient, CancellationToken, Task<bool>> EnsureParentAsync(string root) => async (client, cancellation) =>
    {
        await NodeTree.EnsureAsync(client, Parent(root), CreateMode.Persistent, default, cancellation).ConfigureAwait(false);
        return true;
    };
}
