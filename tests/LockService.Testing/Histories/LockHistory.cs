using System.Collections.Concurrent;

namespace LockService.Testing.Histories;

/// <summary>
/// What clients did to locks and what they were told, recorded by one process on one monotonic clock. The checkers of this folder read it when
/// all clients are done.
/// </summary>
/// <param name="start">When the history begins, a timestamp of <see cref="TimeProvider.System"/>; now if left out.</param>
public sealed class LockHistory(long? start = null)
{
    private readonly ConcurrentQueue<LockOperation> _operations = new();
    private readonly ConcurrentQueue<QueueSighting> _sightings = new();
    private readonly long _start = start ?? TimeProvider.System.GetTimestamp();

    /// <summary>The time since the history began.</summary>
    public TimeSpan Now => TimeProvider.System.GetElapsedTime(_start);

    /// <summary>What was recorded so far.</summary>
    public IReadOnlyList<LockOperation> Operations => [.. _operations];

    /// <summary>The queues that were seen so far.</summary>
    public IReadOnlyList<QueueSighting> Sightings => [.. _sightings];

    /// <summary>Records an operation that is complete; from any thread.</summary>
    public void Add(LockOperation operation) => _operations.Enqueue(operation);

    /// <summary>Records a read of a lock's state; from any thread.</summary>
    public void Add(QueueSighting sighting) => _sightings.Enqueue(sighting);
}

/// <summary>What a client asks of a lock.</summary>
public enum LockCall
{
    /// <summary>Acquire.</summary>
    Acquire,

    /// <summary>Renew.</summary>
    Renew,

    /// <summary>Release.</summary>
    Release,
}

/// <summary>What is known of an operation when it is over.</summary>
public enum CallOutcome
{
    /// <summary>2xx: it happened.</summary>
    Done,

    /// <summary>4xx and 503: it did not, and never will.</summary>
    Refused,

    /// <summary>504, a broken connection, a client that hung up: nobody knows.</summary>
    Unknown,
}

/// <summary>One operation of one client. Times are those of <see cref="LockHistory.Now"/>.</summary>
public sealed record LockOperation
{
    /// <summary>What was asked.</summary>
    public required LockCall Call { get; init; }

    /// <summary>The lock's name.</summary>
    public required string Lock { get; init; }

    /// <summary>When it was sent first.</summary>
    public required TimeSpan Invoked { get; init; }

    /// <summary>When its last repetition under the same key was sent; null if it was sent once.</summary>
    public TimeSpan? Repeated { get; init; }

    /// <summary>When the answer was there, or the client knew that there would be none.</summary>
    public required TimeSpan Completed { get; init; }

    /// <summary>When the client hung up; null if it waited for the answer.</summary>
    public TimeSpan? HungUp { get; init; }

    /// <summary>What the answer tells.</summary>
    public required CallOutcome Outcome { get; init; }

    /// <summary>The status code; 0 without an answer.</summary>
    public int Status { get; init; }

    /// <summary>The number of the service's instance that was asked.</summary>
    public int Instance { get; init; }

    /// <summary>Who asked; of acquisitions, a name that no other operation has.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Of acquisitions: shared instead of exclusive.</summary>
    public bool Shared { get; init; }

    /// <summary>Of acquisitions: how long it was to wait.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>The lease asked for; of what was done, the lease given.</summary>
    public TimeSpan Ttl { get; init; }

    /// <summary>The answer's <c>waitedMs</c>.</summary>
    public TimeSpan Waited { get; init; }

    /// <summary>The lease it is about, or was given.</summary>
    public string LeaseId { get; init; } = "";

    /// <summary>The answer's fencing token.</summary>
    public long Token { get; init; }

    /// <summary>From when the lease counts.</summary>
    public TimeSpan Sent => Repeated ?? Invoked;

    /// <summary>Until when a client that was given this answer counts on its lease.</summary>
    public TimeSpan Deadline => Sent + Waited + Ttl;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{(Shared ? "shared " : "")}{Call} of {Lock} by '{Owner}' through {Instance} from {Invoked.TotalMilliseconds:F1} to {Completed.TotalMilliseconds:F1} ms: {Outcome} {Status}, "
        + $"token {Token}, ttl {Ttl.TotalMilliseconds} ms, waited {Waited.TotalMilliseconds} ms";
}

/// <summary>A read of a lock's state, with those who wait in their order.</summary>
/// <param name="Lock">The lock's name.</param>
/// <param name="Invoked">When it was asked for.</param>
/// <param name="Completed">When the answer was there.</param>
/// <param name="Waiters">The owners of the waiters, the first one first.</param>
public sealed record QueueSighting(string Lock, TimeSpan Invoked, TimeSpan Completed, IReadOnlyList<string> Waiters);
