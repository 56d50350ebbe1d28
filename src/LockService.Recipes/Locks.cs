namespace LockService.Recipes;

/// <summary>Placeholder of the lock recipe's public surface.</summary>
public sealed class Locks
{
    /// <summary>Acquires the lock, waiting in arrival order for at most the given time.</summary>
    public Task<AcquireResult> AcquireAsync(string name, AcquireOptions options, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Renews a lease: it now lasts its TTL from this moment.</summary>
    /// <returns>The lease, or null if it has ended, was released, or never was.</returns>
    public Task<LockGrant?> RenewAsync(string name, string leaseId, TimeSpan? ttl, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Ends a lease.</summary>
    /// <returns>False if it had ended before, or never was.</returns>
    public Task<bool> ReleaseAsync(string name, string leaseId, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Reads who holds the lock and who waits for it. Linearizable.</summary>
    public Task<LockState> GetAsync(string name, CancellationToken cancellation) => throw new NotImplementedException();
}

/// <summary>How a lock is shared.</summary>
public enum LockMode
{
    /// <summary>One holder at a time.</summary>
    Exclusive,

    /// <summary>Any number of shared holders, and no exclusive one.</summary>
    Shared,
}

/// <summary>What an acquisition asks for.</summary>
public sealed record AcquireOptions
{
    /// <summary>Exclusive or shared. Default exclusive.</summary>
    public LockMode Mode { get; init; }

    /// <summary>The lease. Default 30 s, range 500 ms to 24 h. Short: a pause of the holder loses the lock. Long: a crashed holder blocks it.</summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait in the queue. Default zero, range 0 to 10 min.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>Who asks, for people to read. 1 to 200 characters.</summary>
    public required string Owner { get; init; }

    /// <summary>Anything the owner wants others to see; at most 4 KiB of JSON.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

/// <summary>The answer to an acquisition: <see cref="Granted"/> or <see cref="Held"/>.</summary>
public abstract record AcquireResult
{
    private AcquireResult()
    {
    }

    /// <summary>The caller holds the lock.</summary>
    /// <param name="Grant">The lease.</param>
    public sealed record Granted(LockGrant Grant) : AcquireResult;

    /// <summary>The lock was not free, and did not become free in time. The caller has left the queue.</summary>
    /// <param name="State">Who holds it and how many wait.</param>
    /// <param name="RetryAfter">When trying again may make sense: the shortest time left of any holder.</param>
    public sealed record Held(LockState State, TimeSpan RetryAfter) : AcquireResult;
}

/// <summary>A lease on a lock.</summary>
/// <param name="Name">The lock.</param>
/// <param name="LeaseId">The secret that renews and releases it.</param>
/// <param name="FencingToken">Rises with every exclusive grant of the lock.</param>
/// <param name="Mode">Exclusive or shared.</param>
/// <param name="Owner">As given.</param>
/// <param name="Ttl">The lease lasts this long from the moment the request was sent, plus <paramref name="Waited"/>.</param>
/// <param name="Waited">Time from the call to the sending of the grant to ZooKeeper; zero for a renewal.</param>
/// <param name="AcquiredAt">Wall clock of the instance that granted it, for people to read.</param>
/// <param name="ExpiresAt">Wall clock of this instance, for people to read.</param>
public sealed record LockGrant(
    string Name, string LeaseId, long FencingToken, LockMode Mode, string Owner, TimeSpan Ttl, TimeSpan Waited, DateTimeOffset AcquiredAt, DateTimeOffset ExpiresAt);

/// <summary>Who holds a lock and who waits for it.</summary>
/// <param name="Name">The lock.</param>
/// <param name="Holders">The holders; more than one only in shared mode.</param>
/// <param name="Waiters">The first 100 waiters in the order in which they will be served.</param>
/// <param name="QueueLength">Number of all waiters.</param>
public sealed record LockState(string Name, IReadOnlyList<LockHolder> Holders, IReadOnlyList<LockWaiter> Waiters, int QueueLength);

/// <summary>A holder of a lock.</summary>
/// <param name="Owner">Who holds it.</param>
/// <param name="Mode">Exclusive or shared.</param>
/// <param name="FencingToken">Its token.</param>
/// <param name="AcquiredAt">Since when.</param>
/// <param name="Remaining">About how much is left of its lease, as this instance sees it; null for a holder that is not ours.</param>
/// <param name="Metadata">What the owner wanted others to see.</param>
public sealed record LockHolder(
    string Owner, LockMode Mode, long FencingToken, DateTimeOffset AcquiredAt, TimeSpan? Remaining, IReadOnlyDictionary<string, string> Metadata);

/// <summary>A waiter for a lock.</summary>
/// <param name="Position">Place in the queue, from 1.</param>
/// <param name="Owner">Who waits.</param>
/// <param name="Mode">Exclusive or shared.</param>
/// <param name="Waiting">About how long it has been waiting.</param>
public sealed record LockWaiter(int Position, string Owner, LockMode Mode, TimeSpan Waiting);
