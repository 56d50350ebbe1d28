using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Locking;
using LockService.Recipes.Sessions;

namespace LockService.Recipes;

/// <summary>
/// Leases on several locks at once: all of them or none, in any mixture of modes, and no deadlock whatever order callers name them in. Each lock is
/// the same as in <see cref="Locks"/>: its holders exclude those here and the other way round, and all wait in one queue.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/locks/&lt;first&gt;/_c_&lt;guid&gt;-__WRIT__&lt;N&gt;    the holder that carries the lease, and names the others
/// &lt;root&gt;/locks/&lt;other&gt;/_c_&lt;guid&gt;-__READ__&lt;M&gt;    a holder that shares it, and names the one that carries it
/// </code>
/// 1. All free: one transaction replaces all the empty directories by new ones with a holder in each. Granted; the token is the transaction.
/// 2. Otherwise one transaction creates a waiter in each directory. Two callers therefore stand in the same order wherever they meet, so that
/// nobody ever waits, over however many corners, for himself.
/// 3. Wait until nobody blocks in any directory; then one transaction replaces all waiters by holders. Granted; the token is the transaction.
/// 4. Renewing writes the holder of the first lock only, in the order of names. Releasing it, or its end, deletes all holders in one transaction.
/// <para>Lost connection: waiters keep their places as long as their session lives. Expired session: waiters are refused as unavailable,
/// leases live on. Cancelled caller: the waiters are removed; a grant that came at the same moment is given back.</para>
/// <para>It does not promise a lock whose other locks stay held: while one is waited for, nobody overtakes in the queues of the others.</para>
/// </remarks>
public sealed class MultiLocks
{
    /// <summary>
    /// The most locks of one lease. 32 of the longest names with the largest metadata are some 250 KiB in the transaction of their grant, half of
    /// what a batch carries and a quarter of what ZooKeeper takes, so that it can share its way with others.
    /// </summary>
    public const int MaxLocks = 32;

    private readonly LockServices _services;

    internal MultiLocks(LockServices services) => _services = services;

    /// <summary>Acquires all of the locks, waiting in arrival order of each for at most <see cref="AcquireOptions.Wait"/>.</summary>
    /// <param name="locks">1 to <see cref="MaxLocks"/> different locks, in any order.</param>
    /// <param name="options">What is asked for; its mode is not, since each lock has its own, and no lease can be named.</param>
    /// <param name="cancellation">Leaves the queues; a grant that came at the same moment is given back.</param>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away, or the session that waited was lost. Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">A grant may have happened that is being taken back; it ends after one lease at the latest.</exception>
    /// <exception cref="TooManyWaitersException">This instance serves as many waiters as it may; here, one for each lock.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<MultiAcquireResult> AcquireAsync(IReadOnlyCollection<LockMember> locks, AcquireOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(locks);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        ArgumentOutOfRangeException.ThrowIfNotEqual(locks.Count, locks.DistinctBy(one => one.Name).Count());
        ArgumentOutOfRangeException.ThrowIfZero(locks.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(locks.Count, MaxLocks);
        if (options.LeaseId is not null)
        {
            throw new ArgumentException("A lease on several locks is given back by renewing it.", nameof(options));
        }

        foreach (LockMember one in locks)
        {
            ResourceName.ThrowIfInvalid(one.Name);
        }

        return _services.Keyed.RunAsync(
            options.Key,
            (record, _) => Locks.TryAsync(
                () => AcquireAsync(locks, options, record is null ? null : Locks.CompanionsOf(record), cancellation),
                result => result is MultiAcquireResult.Granted),
            async (outcome, deadline) => await ExtendAsync(outcome, deadline).ConfigureAwait(false) is { } grant
                ? KeyedAnswer.Done<MultiAcquireResult>(new MultiAcquireResult.Granted(grant))
                : KeyedAnswer.Refused<MultiAcquireResult>(new MultiAcquireResult.Ended()));
    }

    /// <summary>Renews a lease on all of its locks: it lasts its TTL from the moment this request was sent, at least.</summary>
    /// <param name="leaseId">The lease.</param>
    /// <param name="ttl">A new TTL, 500 ms to 24 h; null keeps the present one.</param>
    /// <param name="key">Under which key the request may be repeated; a repetition renews again, to what the first answer said.</param>
    /// <param name="cancellation">Gives up waiting for the answer.</param>
    /// <returns>The lease, or null if it has ended, was released, or never was.</returns>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away. Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The lease may have been renewed.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<MultiGrant?> RenewAsync(string leaseId, TimeSpan? ttl, KeyedRequest? key, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(leaseId);
        if (ttl is { } given)
        {
            AcquireOptions.ThrowIfInvalidTtl(given);
        }

        return _services.Keyed.RunAsync<MultiGrant?>(
            key,
            (record, _) => Locks.TryAsync(
                () => RenewAsync(leaseId, ttl, record is null ? null : Locks.CompanionsOf(record), cancellation), grant => grant is not null),
            async (outcome, deadline) => await ExtendAsync(outcome, deadline).ConfigureAwait(false) is { } grant
                ? KeyedAnswer.Done<MultiGrant?>(grant)
                : KeyedAnswer.Refused<MultiGrant?>(null));
    }

    /// <summary>Ends a lease on all of its locks at one moment. Goes on after the caller has left: who releases wants it released.</summary>
    /// <param name="leaseId">The lease.</param>
    /// <param name="key">Under which key the request may be repeated; a repetition is told that it is released, too.</param>
    /// <returns>False if it had ended before, or never was.</returns>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away. Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The lease may have been released; releasing it again is safe.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<bool> ReleaseAsync(string leaseId, KeyedRequest? key)
    {
        ArgumentNullException.ThrowIfNull(leaseId);
        return _services.Keyed.RunAsync(
            key,
            (record, _) => Locks.TryAsync(
                () => ReleaseAsync(leaseId, record is null ? null : new[] { record.Creation("{}"u8) }), released => released),
            (_, _) => Task.FromResult(KeyedAnswer.Done(true)));
    }

    private Task<MultiAcquireResult> AcquireAsync(
        IEnumerable<LockMember> locks, AcquireOptions options, GrantCompanions? companions, CancellationToken cancellation) =>
        _services.Draining.IsCancellationRequested
            ? throw new DrainingException()
            : new MultiAcquisition(_services, new LockSet(_services, locks), options, companions).RunAsync(cancellation);

    private async Task<MultiGrant?> RenewAsync(string leaseId, TimeSpan? ttl, GrantCompanions? companions, CancellationToken cancellation)
    {
        if (LeaseId.PrimaryOf(leaseId) is not var (lockName, holder))
        {
            return null;
        }

        var renewal = new Renewal(_services, Directory(lockName), lockName, holder, new RenewTerms(ttl, MayShorten: true), companions);
        return await renewal.RunAsync(cancellation).ConfigureAwait(false) is { } grant ? MultiGrant.Of(grant) : null;
    }

    private Task<bool> ReleaseAsync(string leaseId, IReadOnlyList<UnitOperation>? companions) =>
        LeaseId.PrimaryOf(leaseId) is var (lockName, holder)
            ? new MultiRelease(_services, Directory(lockName).Child(holder.Name), companions).RunAsync()
            : Task.FromResult(false);

    private async Task<MultiGrant?> ExtendAsync(StoredOutcome outcome, Deadline deadline)
    {
        LeaseOutcome told = LeaseOutcome.Parse(outcome.Json);
        (string lockName, ContenderName holder) = LeaseId.PrimaryOf(told.LeaseId)!.Value;
        var extension = new Extension(_services, Directory(lockName), lockName, holder, told);
        return await extension.RunAsync(deadline).ConfigureAwait(false) is { } grant ? MultiGrant.Of(grant) : null;
    }

    private LockDirectory Directory(string name) => new(_services.Options.Root, name);
}

/// <summary>One of several locks, and how it is shared.</summary>
/// <param name="Name">See <see cref="ResourceName"/>.</param>
/// <param name="Mode">Exclusive or shared.</param>
public sealed record LockMember(string Name, LockMode Mode)
{
    /// <summary>The lock of the holder that carries a lease, and those of the holders that share it, as they stand in its record.</summary>
    internal static IReadOnlyList<LockMember> AllOf(LockMember carrier, IEnumerable<string> members) => [carrier, .. members.Select(Parse)];

    /// <summary>Reads a lock's name, a slash and a holder's name.</summary>
    private static LockMember Parse(string holder)
    {
        int slash = holder.IndexOf('/', StringComparison.Ordinal);
        return new LockMember(holder[..slash], ContenderName.Parse(holder[(slash + 1)..])!.Mode);
    }
}

/// <summary>The answer to an acquisition of several locks: <see cref="Granted"/>, <see cref="Held"/> or <see cref="Ended"/>.</summary>
public abstract record MultiAcquireResult
{
    private MultiAcquireResult()
    {
    }

    /// <summary>The caller holds all of the locks.</summary>
    /// <param name="Grant">The lease.</param>
    public sealed record Granted(MultiGrant Grant) : MultiAcquireResult;

    /// <summary>The locks were not all free, and did not become free in time. The caller holds none, and has left the queues.</summary>
    /// <param name="States">Who holds those that were not free, and how many wait for them.</param>
    /// <param name="RetryAfter">When trying again may make sense: for each lock the shortest time left of any holder, and of those the longest.</param>
    public sealed record Held(IReadOnlyList<LockState> States, TimeSpan RetryAfter) : MultiAcquireResult;

    /// <summary>The locks were granted to an earlier request under the same key, and that lease has ended.</summary>
    public sealed record Ended : MultiAcquireResult;
}

/// <summary>One lease on several locks.</summary>
/// <param name="Locks">The locks in the order of their names.</param>
/// <param name="LeaseId">The secret that renews and releases it.</param>
/// <param name="FencingToken">Rises with every exclusive grant of any of the locks; the same for all, which were granted in one transaction.</param>
/// <param name="Owner">As given.</param>
/// <param name="Ttl">The lease lasts this long from the moment the request was sent, plus <paramref name="Waited"/>.</param>
/// <param name="Waited">Time from the call to the sending of the grant to ZooKeeper; zero for a renewal.</param>
/// <param name="AcquiredAt">Wall clock of the instance that granted it, for people to read.</param>
/// <param name="ExpiresAt">Wall clock of this instance, for people to read.</param>
public sealed record MultiGrant(
    IReadOnlyList<LockMember> Locks, string LeaseId, long FencingToken, string Owner, TimeSpan Ttl, TimeSpan Waited, DateTimeOffset AcquiredAt, DateTimeOffset ExpiresAt)
{
    /// <summary>The lease as that of the holder that carries it.</summary>
    internal static MultiGrant Of(LockGrant carrier) => new(
        LockMember.AllOf(new LockMember(carrier.Name, carrier.Mode), carrier.Members!),
        carrier.LeaseId,
        carrier.FencingToken,
        carrier.Owner,
        carrier.Ttl,
        carrier.Waited,
        carrier.AcquiredAt,
        carrier.ExpiresAt);
}
