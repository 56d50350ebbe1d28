using System.Collections.Concurrent;

namespace LockService.Testing.Histories;

/// <summary>What clients did to counters, each time by one, and what they were told, on one monotonic clock. Every counter began with 0.</summary>
/// <param name="start">When the history begins, a timestamp of <see cref="TimeProvider.System"/>; now if left out.</param>
public sealed class CounterHistory(long? start = null)
{
    private readonly ConcurrentQueue<CounterOperation> _operations = new();
    private readonly long _start = start ?? TimeProvider.System.GetTimestamp();

    /// <summary>The time since the history began.</summary>
    public TimeSpan Now => TimeProvider.System.GetElapsedTime(_start);

    /// <summary>What was recorded so far.</summary>
    public IReadOnlyList<CounterOperation> Operations => [.. _operations];

    /// <summary>Records an operation that is complete; from any thread.</summary>
    public void Add(CounterOperation operation) => _operations.Enqueue(operation);
}

/// <summary>An increment by one, or a read. Times are those of <see cref="CounterHistory.Now"/>.</summary>
public sealed record CounterOperation
{
    /// <summary>The counter's name.</summary>
    public required string Counter { get; init; }

    /// <summary>Whether it is a read; an increment by one otherwise.</summary>
    public bool IsRead { get; init; }

    /// <summary>When it was sent first.</summary>
    public required TimeSpan Invoked { get; init; }

    /// <summary>When the last answer was there, or the client gave up.</summary>
    public required TimeSpan Completed { get; init; }

    /// <summary>What the answers tell.</summary>
    public required CallOutcome Outcome { get; init; }

    /// <summary>The values of all answers: one, unless the increment was sent several times at once under one key.</summary>
    public IReadOnlyList<long> Values { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() =>
        $"{(IsRead ? "read" : "increment")} of {Counter} from {Invoked.TotalMilliseconds:F1} to {Completed.TotalMilliseconds:F1} ms: {Outcome} {string.Join(" and ", Values)}";
}
