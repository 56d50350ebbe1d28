namespace LockService.ZooKeeper;

/// <summary>
/// Builds a <c>multi</c>: operations that all happen, in order and at one zxid, or none of which does. Parts see the effects of earlier
/// parts. Not thread-safe; may be committed more than once (each commit is a transaction of its own).
/// </summary>
public sealed class Transaction
{
    internal List<TransactionPart> Parts { get; } = [];

    /// <summary>Bytes of data in all operations together.</summary>
    internal long DataLength { get; private set; }

    /// <summary>Number of operations added so far.</summary>
    public int Count => Parts.Count;

    /// <summary>The parts, with the list for nodes that were given none: those have <see cref="Acl.Open"/> itself, never a copy of it.</summary>
    internal TransactionPart[] PartsWith(IReadOnlyList<Acl> newNodeAcl) => ReferenceEquals(newNodeAcl, Acl.Open)
        ? [.. Parts]
        : [.. Parts.Select(part => part is TransactionPart.Create create && ReferenceEquals(create.Acl, Acl.Open) ? create with { Acl = newNodeAcl } : part)];

    /// <summary>Adds the creation of a node. See <see cref="ZooKeeperClient.CreateAsync"/> for the parameters.</summary>
    public Transaction Create(string path, ReadOnlyMemory<byte> data, CreateMode mode, IReadOnlyList<Acl>? acl = null, TimeSpan ttl = default)
    {
        NodePath.ThrowIfInvalid(path, NodePath.IsSequential(mode));
        Parts.Add(new TransactionPart.Create(path, data, mode, Acl.Copy(acl), NodePath.TtlMilliseconds(mode, ttl)));
        DataLength += data.Length;
        return this;
    }

    /// <summary>Adds the deletion of a node.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="version">The expected version; -1 for any.</param>
    public Transaction Delete(string path, int version = -1)
    {
        NodePath.ThrowIfInvalid(path);
        Parts.Add(new TransactionPart.Delete(path, version));
        return this;
    }

    /// <summary>Adds setting a node's data.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="data">The new data.</param>
    /// <param name="version">The expected version; -1 for any.</param>
    public Transaction SetData(string path, ReadOnlyMemory<byte> data, int version)
    {
        NodePath.ThrowIfInvalid(path);
        Parts.Add(new TransactionPart.SetData(path, data, version));
        DataLength += data.Length;
        return this;
    }

    /// <summary>Adds the condition that a node exists and has the expected version.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="version">The expected version; -1 for any.</param>
    public Transaction Check(string path, int version)
    {
        NodePath.ThrowIfInvalid(path);
        Parts.Add(new TransactionPart.Check(path, version));
        return this;
    }
}

internal abstract record TransactionPart(string Path)
{
    internal sealed record Create(string Path, ReadOnlyMemory<byte> Data, CreateMode Mode, IReadOnlyList<Acl> Acl, long TtlMs) : TransactionPart(Path);

    internal sealed record Delete(string Path, int Version) : TransactionPart(Path);

    internal sealed record SetData(string Path, ReadOnlyMemory<byte> Data, int Version) : TransactionPart(Path);

    internal sealed record Check(string Path, int Version) : TransactionPart(Path);
}
