using System.Text;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Commit;

/// <summary>
/// Operations that belong together: all of them happen, in order, or none does. They may share a transaction with other units, and
/// parts see what earlier parts did. May be submitted again once it was answered.
/// </summary>
/// <param name="resource">What the unit is about, such as the path of a lock; units of one resource travel in one lane, in order.</param>
internal sealed class CommitUnit(string resource)
{
    /// <summary>Room for an operation's headers, ACL and the encoding's lengths.</summary>
    private const int OverheadBytes = 64;

    private readonly List<UnitOperation> _operations = [];

    internal string Resource { get; } = resource;

    internal IReadOnlyList<UnitOperation> Operations => _operations;

    /// <summary>About what the unit adds to a request.</summary>
    internal int Bytes { get; private set; }

    /// <summary>
    /// A node whose children are listed right behind the batch, on the same session and in the same round trip: the listing contains what
    /// the unit created there, unless it has been removed again. Null for none.
    /// </summary>
    internal string? ListBehind { get; init; }

    /// <summary>
    /// How long the unit may wait for others to travel with: it alone does not make an idle lane send. Zero for what somebody waits for.
    /// </summary>
    internal TimeSpan Patience { get; init; }

    /// <summary>
    /// Called, at most once, when the unit is known to be committed, before its caller is answered, and for units of one lane in the order
    /// of their commitment. Runs on the lane; must neither block nor throw.
    /// </summary>
    internal Action<CommitResult>? Committed { get; init; }

    /// <summary>
    /// Called, at most once, when the unit turns out to be committed after its caller had left or had been told that its outcome is
    /// unknown: the moment to give back what nobody will use. Runs on the lane; must neither block nor throw.
    /// </summary>
    internal Action<CommitResult>? Unclaimed { get; init; }

    /// <summary>
    /// Adds the creation of a node. The name of a sequential one must carry a GUID: it is how the path is found again when the reply that
    /// carried it was lost.
    /// </summary>
    internal CommitUnit Create(string path, ReadOnlyMemory<byte> data, CreateMode mode) =>
        Add(new UnitOperation.Create(path, data, mode), path, data.Length);

    /// <summary>
    /// Adds the creation of a node that must be found by those who list its directory, although that directory may have been removed and made
    /// again a moment ago. It is created, deleted and created, which only ZooKeeper sees, and watchers: from 3.8.5 and 3.9.4 on
    /// (ZOOKEEPER-4846) a server that comes back from a snapshot repeats the transactions of which the snapshot has a part. It removes the
    /// directory with the node in it, makes the directory, and leaves out the creation of the node, since it has that already: the node exists
    /// then, and is in no list. The deletion makes the repetition create it.
    /// </summary>
    internal CommitUnit CreateListed(string path, ReadOnlyMemory<byte> data) =>
        Create(path, default, CreateMode.Persistent).Delete(path, -1).Create(path, data, CreateMode.Persistent);

    /// <summary>Adds the deletion of a node; -1 for any version is for paths that are never used twice.</summary>
    internal CommitUnit Delete(string path, int version) => Add(new UnitOperation.Delete(path, version), path, 0);

    /// <summary>
    /// Adds setting a node's data on condition of its version. ZooKeeper takes -1 for any version, although versions get there after 2^32
    /// changes; the check that is added then makes it the condition it looks like: only behind -1 is the next version 0, and a check that
    /// fails undoes all.
    /// </summary>
    internal CommitUnit SetData(string path, ReadOnlyMemory<byte> data, int version)
    {
        Add(new UnitOperation.SetData(path, data, version), path, data.Length);
        return version == -1 ? Check(path, 0) : this;
    }

    /// <summary>Adds setting a node, empty by default, whatever its version is, for those who watch it. Never the condition of anything.</summary>
    internal CommitUnit Touch(string path, ReadOnlyMemory<byte> data = default) => Add(new UnitOperation.SetData(path, data, -1), path, data.Length);

    /// <summary>Adds the condition that a node exists and has the version; -1 for any.</summary>
    internal CommitUnit Check(string path, int version) => Add(new UnitOperation.Check(path, version), path, 0);

    /// <summary>Adds operations that somebody else wants to happen together with the unit's own; null for none.</summary>
    internal CommitUnit Add(IReadOnlyList<UnitOperation>? others)
    {
        foreach (UnitOperation operation in others ?? [])
        {
            _ = operation switch
            {
                UnitOperation.Create create => Create(create.Path, create.Data, create.Mode),
                UnitOperation.Delete delete => Delete(delete.Path, delete.Version),
                UnitOperation.SetData set => SetData(set.Path, set.Data, set.Version),
                UnitOperation.Check check => Check(check.Path, check.Version),
                _ => throw new ArgumentException($"Unknown operation {operation}.", nameof(others)),
            };
        }

        return this;
    }

    private CommitUnit Add(UnitOperation operation, string path, int dataBytes)
    {
        _operations.Add(operation);
        Bytes += OverheadBytes + Encoding.UTF8.GetByteCount(path) + dataBytes;
        return this;
    }
}

/// <summary>One operation of a unit.</summary>
internal abstract record UnitOperation
{
    internal abstract void AddTo(Transaction transaction);

    internal sealed record Create(string Path, ReadOnlyMemory<byte> Data, CreateMode Mode) : UnitOperation
    {
        internal bool IsSequential => Mode is CreateMode.PersistentSequential or CreateMode.EphemeralSequential;

        internal override void AddTo(Transaction transaction) => transaction.Create(Path, Data, Mode);
    }

    internal sealed record Delete(string Path, int Version) : UnitOperation
    {
        internal override void AddTo(Transaction transaction) => transaction.Delete(Path, Version);
    }

    internal sealed record SetData(string Path, ReadOnlyMemory<byte> Data, int Version) : UnitOperation
    {
        internal override void AddTo(Transaction transaction) => transaction.SetData(Path, Data, Version);
    }

    internal sealed record Check(string Path, int Version) : UnitOperation
    {
        internal override void AddTo(Transaction transaction) => transaction.Check(Path, Version);
    }
}

/// <summary>What became of a unit: committed as a whole, or refused as a whole.</summary>
/// <param name="Error">The error of the operation that failed; <see cref="ErrorCode.Ok"/> if committed.</param>
/// <param name="FailedIndex">The index of the operation that failed; -1 if committed.</param>
/// <param name="Zxid">The transaction: czxid of what it created, mzxid of what it set. 0 if refused.</param>
/// <param name="Paths">
/// For each operation the path of the node it created, null for other operations. Null also for a sequential node whose name went with a
/// lost reply and that was gone when it was looked for.
/// </param>
internal sealed record CommitResult(ErrorCode Error, int FailedIndex, long Zxid, IReadOnlyList<string?> Paths)
{
    /// <summary>The transaction's time by the leader's wall clock, milliseconds since 1970; for people to read. 0 if refused.</summary>
    internal long CommittedAtMs { get; init; }

    /// <summary>The session that carried the unit: the owner of its ephemeral nodes. Null if refused.</summary>
    internal ZooKeeperClient? Client { get; init; }

    /// <summary>What was asked for with <see cref="CommitUnit.ListBehind"/>; null if not asked for, lost, or if the node does not exist.</summary>
    internal DirectoryListing? Listing { get; init; }

    internal bool Committed => Error == ErrorCode.Ok;

    internal static CommitResult Refused(ErrorCode error, int failedIndex) => new(error, failedIndex, 0, []);
}
