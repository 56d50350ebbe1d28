using System.Text;
using LockService.Recipes.Locking;

namespace LockService.Recipes;

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

    /// <summary>
    /// How long the lease can be renewed to last, from its grant on. Default: for ever; range 500 ms to 24 h. A longer <see cref="Ttl"/> is
    /// shortened to it. Instances that never saw the lease may let it last one TTL longer.
    /// </summary>
    public TimeSpan? MaxHold { get; init; }

    /// <summary>
    /// The lease that the caller has on the lock already, and wants back: renewed for <see cref="Ttl"/>, but never to less than it has. The lock is
    /// not taken twice; one release ends it. Default: none. All other options but the mode and the key do not count then.
    /// </summary>
    public string? LeaseId { get; init; }

    /// <summary>How long to wait in the queue. Default zero, range 0 to 10 min.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>
    /// How long the lock stays closed if the lease ends otherwise than by its release. Default zero, range 0 to 10 min. For resources that know
    /// nothing of fencing tokens: what the holder has sent them arrives before the next one begins.
    /// </summary>
    public TimeSpan LockDelay { get; init; }

    /// <summary>Who asks, for people to read. 1 to 200 characters.</summary>
    public required string Owner { get; init; }

    /// <summary>Anything the owner wants others to see. Default empty, at most 4 KiB of names and values.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Under which key the request may be repeated. Default none. A repetition is told of the same lease, which then lasts as long as if it
    /// had been granted again; the grant to a caller who has left is kept for it.
    /// </summary>
    public KeyedRequest? Key { get; init; }

    internal static void ThrowIfInvalidTtl(TimeSpan ttl)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ttl, TimeSpan.FromMilliseconds(500));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ttl, TimeSpan.FromHours(24));
    }

    internal void ThrowIfInvalid()
    {
        ThrowIfInvalidTtl(Ttl);
        ThrowIfInvalidTtl(MaxHold ?? Ttl);
        ArgumentOutOfRangeException.ThrowIfLessThan(Wait, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Wait, TimeSpan.FromMinutes(10));
        ArgumentOutOfRangeException.ThrowIfLessThan(LockDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(LockDelay, TimeSpan.FromMinutes(10));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Owner.Length, 200);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Metadata.Sum(m => Encoding.UTF8.GetByteCount(m.Key) + Encoding.UTF8.GetByteCount(m.Value)), 4096);
    }
}

/// <summary>The answer to an acquisition: <see cref="Granted"/>, <see cref="Held"/>, <see cref="Ended"/> or <see cref="OtherMode"/>.</summary>
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
    /// <param name="RetryAfter">When trying again may make sense: the shortest time left of any holder, or until a closed lock opens.</param>
    public sealed record Held(LockState State, TimeSpan RetryAfter) : AcquireResult;

    /// <summary>The lock was granted to an earlier request under the same key, or the caller named his lease, and that lease has ended.</summary>
    public sealed record Ended : AcquireResult;

    /// <summary>The lease that the caller named has another mode than he asked for. Nothing was done.</summary>
    /// <param name="Mode">The lease's.</param>
    public sealed record OtherMode(LockMode Mode) : AcquireResult;
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
    string Name, string LeaseId, long FencingToken, LockMode Mode, string Owner, TimeSpan Ttl, TimeSpan Waited, DateTimeOffset AcquiredAt, DateTimeOffset ExpiresAt)
{
    /// <summary>The other holders that share the lease, as <see cref="ContenderRecord.Members"/>; null for a lease on this lock alone.</summary>
    internal IReadOnlyList<string>? Members { get; init; }
}
