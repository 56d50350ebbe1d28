namespace LockService.ZooKeeper;

/// <summary>
/// Builds a <c>multiRead</c>: many reads in one round trip. No snapshot: the reads are made one after the other, and changes may happen
/// between them. Not thread-safe; may be sent more than once.
/// </summary>
public sealed class ReadBatch
{
    internal List<ReadPart> Parts { get; } = [];

    /// <summary>Number of reads added so far.</summary>
    public int Count => Parts.Count;

    /// <summary>Adds reading a node's data.</summary>
    public ReadBatch GetData(string path) => Add(path, ofChildren: false);

    /// <summary>Adds listing a node's children. Other than <see cref="ZooKeeperClient.GetChildrenAsync"/> it does not tell the parent's state.</summary>
    public ReadBatch GetChildren(string path) => Add(path, ofChildren: true);

    private ReadBatch Add(string path, bool ofChildren)
    {
        NodePath.ThrowIfInvalid(path);
        Parts.Add(new ReadPart(path, ofChildren));
        return this;
    }
}

/// <summary>The results of a <see cref="ReadBatch"/>, in the order of its reads. Each read succeeds or fails by itself.</summary>
public sealed class ReadBatchResult
{
    private readonly IReadOnlyList<ReadPartResult> _parts;

    internal ReadBatchResult(IReadOnlyList<ReadPartResult> parts) => _parts = parts;

    /// <summary>Number of results: that of the reads.</summary>
    public int Count => _parts.Count;

    /// <summary>The error of one read; <see cref="ErrorCode.Ok"/> if it succeeded.</summary>
    public ErrorCode Error(int index) => _parts[index].Error;

    /// <summary>What a <see cref="ReadBatch.GetData"/> read.</summary>
    /// <returns>The data and its state, or null if there is no such node.</returns>
    /// <exception cref="RequestRefusedException">This read failed: <see cref="ErrorCode.NoAuth"/>, for one.</exception>
    /// <exception cref="InvalidOperationException">This read was not of data.</exception>
    public NodeData? Data(int index) => Succeeded(index, ofChildren: false).Data;

    /// <summary>What a <see cref="ReadBatch.GetChildren"/> read.</summary>
    /// <returns>Bare names in no particular order, or null if there is no such node.</returns>
    /// <exception cref="RequestRefusedException">This read failed: <see cref="ErrorCode.NoAuth"/>, for one.</exception>
    /// <exception cref="InvalidOperationException">This read was not of children.</exception>
    public IReadOnlyList<string>? Children(int index) => Succeeded(index, ofChildren: true).Children;

    private ReadPartResult Succeeded(int index, bool ofChildren)
    {
        ReadPartResult result = _parts[index];
        if (result.Part.OfChildren != ofChildren)
        {
            throw new InvalidOperationException($"Read {index} of the batch was of {(ofChildren ? "data" : "children")}.");
        }

        return result.Error is ErrorCode.Ok or ErrorCode.NoNode ? result : throw new RequestRefusedException(result.Error, result.Part.Path);
    }
}

internal readonly record struct ReadPart(string Path, bool OfChildren);

internal readonly record struct ReadPartResult(ReadPart Part, ErrorCode Error, NodeData? Data, IReadOnlyList<string>? Children);
