namespace LockService.ZooKeeper;

/// <summary>What one operation of a committed transaction gave.</summary>
/// <param name="Path">The created node's path, for a creation; null otherwise.</param>
/// <param name="Stat">The node's state, for setting data, and for a creation where the server tells it; null otherwise.</param>
public readonly record struct TransactionPartResult(string? Path, Stat? Stat);

/// <summary>What the server said to a transaction: committed as a whole, or refused as a whole.</summary>
public sealed class TransactionResult
{
    internal TransactionResult(IReadOnlyList<TransactionPartResult> parts, ErrorCode error, int failedIndex)
    {
        Parts = parts;
        Error = error;
        FailedIndex = failedIndex;
    }

    /// <summary>True if all operations took effect; false if none did.</summary>
    public bool Committed => Error == ErrorCode.Ok;

    /// <summary>The results of the operations, in order; empty if the transaction was refused.</summary>
    public IReadOnlyList<TransactionPartResult> Parts { get; }

    /// <summary>The error of the operation that failed; <see cref="ErrorCode.Ok"/> if committed.</summary>
    public ErrorCode Error { get; }

    /// <summary>The index of the operation that failed; -1 if committed.</summary>
    public int FailedIndex { get; }
}
