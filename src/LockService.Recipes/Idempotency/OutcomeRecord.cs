using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Idempotency;

/// <summary>
/// The node that says that a keyed request was carried out, and with what outcome. It is created in the same transaction as the effect:
/// while it exists, no other transaction with its creation in it can have an effect.
/// </summary>
/// <remarks>Data: 32 bytes of the request's fingerprint, then the outcome as compact JSON. It is never changed.</remarks>
internal sealed class OutcomeRecord(string parent, KeyedRequest request)
{
    internal string ShardPath { get; } = $"{parent}/{request.Shard}";

    internal string Path { get; } = $"{parent}/{request.Shard}/{request.Digest}";

    /// <summary>Adds the creation of the record to the unit that has the effect.</summary>
    internal void AddTo(CommitUnit unit, ReadOnlySpan<byte> outcome) => unit.Add([Creation(outcome)]);

    /// <summary>The creation of the record, for the unit that has the effect.</summary>
    internal UnitOperation Creation(ReadOnlySpan<byte> outcome) =>
        new UnitOperation.Create(Path, (byte[])[.. request.Fingerprint, .. outcome], CreateMode.Persistent);

    /// <summary>Whether the unit was refused because of the record: another request under the same key was carried out, or its parent is missing.</summary>
    internal bool Refused(CommitUnit unit, CommitResult result) =>
        IsCollision(result.Error) && unit.Operations[result.FailedIndex] is UnitOperation.Create create && create.Path == Path;

    /// <summary>Whether a refusal of the creation means that, and not that the service may not create it, which no other attempt would change.</summary>
    internal static bool IsCollision(ErrorCode error) => error is ErrorCode.NodeExists or ErrorCode.NoNode;

    /// <summary>Takes the outcome out of the node's data.</summary>
    /// <exception cref="IdempotencyMismatchException">It is that of another request.</exception>
    internal StoredOutcome OutcomeIn(NodeData node)
    {
        int length = request.Fingerprint.Length;
        return node.Data.Length >= length && node.Data.Span[..length].SequenceEqual(request.Fingerprint)
            ? new StoredOutcome(node.Data[length..], node.Stat)
            : throw new IdempotencyMismatchException();
    }
}

/// <summary>The outcome of a request that was carried out.</summary>
/// <param name="Json">As it was recorded.</param>
/// <param name="Stat">The record's: its creation is the transaction that had the effect.</param>
internal sealed record StoredOutcome(ReadOnlyMemory<byte> Json, Stat Stat);
