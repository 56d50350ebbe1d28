namespace LockService.Recipes;

/// <summary>Who holds a lock and who waits for it.</summary>
/// <param name="Name">The lock.</param>
/// <param name="Holders">The holders; more than one only in shared mode.</param>
/// <param name="Waiters">The first 100 waiters in the order in which they will be served.</param>
/// <param name="QueueLength">Number of all waiters.</param>
public sealed record LockState(string Name, IReadOnlyList<LockHolder> Holders, IReadOnlyList<LockWaiter> Waiters, int QueueLength)
{
    /// <summary>
    /// About how long the lock stays closed after a lease that its holder did not end, as this instance sees it; null if it is not.
    /// </summary>
    public TimeSpan? Closed { get; init; }
}

/// <summary>A page of held locks.</summary>
/// <param name="Items">In the order of their names; their waiters are counted, but not described.</param>
/// <param name="Next">The name after which the next page begins; null if this is the last one.</param>
public sealed record LockPage(IReadOnlyList<LockState> Items, string? Next);

/// <summary>A lease as its holder may look it up.</summary>
/// <param name="Name">The lock; of several the first one by name.</param>
/// <param name="Holder">Who holds it, since when, and for how long yet.</param>
/// <param name="Ttl">How long a renewal makes it last if it names no other time.</param>
public sealed record LeaseState(string Name, LockHolder Holder, TimeSpan Ttl)
{
    /// <summary>The locks of a lease that was granted on several, in the order of their names; null for any other.</summary>
    public IReadOnlyList<LockMember>? Locks { get; init; }

    /// <summary>The names of all its locks.</summary>
    public IEnumerable<string> Names => Locks is null ? [Name] : Locks.Select(one => one.Name);
}

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
