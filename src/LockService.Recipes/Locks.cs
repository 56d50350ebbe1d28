using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Locking;
using LockService.Recipes.Locking.Events;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes;

/// <summary>
/// Leased locks, exclusive and shared, for clients that are not connected to ZooKeeper. At most one exclusive holder, or any number of
/// shared ones, for clients that count their lease from the moment they sent the request; a fencing token for everybody else; waiters
/// are served in arrival order, across instances.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/locks/&lt;name&gt;/                     container
///     _c_&lt;guid&gt;-__WRIT__&lt;N&gt;             a holder (persistent, with its lease as data) or a waiter (ephemeral)
///     _c_&lt;guid&gt;-__READ__&lt;N&gt;             the same in shared mode
/// </code>
/// 1. Nobody there: one transaction deletes the empty directory, or does without, and makes a new one with a persistent holder in it. The
/// deletion proves that nobody was there: granted, the token is the transaction.
/// 2. Otherwise create an ephemeral waiter and list behind it, on the same session, until no lower number blocks.
/// 3. Then replace the waiter by a holder with the same number, in one transaction: granted, the token is the transaction.
/// 4. Blocked: watch the highest number that blocks, and look again on any event; another waiter of this instance is heard of without that.
/// 5. Releasing deletes the holder, and does step 3 for those who are next and wait here, in the same transaction. Renewing sets the holder's
/// data, which bumps its version. Any instance can do both.
/// 6. A holder whose version has not changed for its lease is deleted on that version by whoever observed that.
/// <para>All changes go through the commit lanes, which find out what became of them (<see cref="CommitLanes"/>). Lost connection: waiters keep
/// their places as long as their session lives. Expired session: waiters are refused as unavailable, holders live on. Cancelled caller: the
/// waiter is removed; a grant that came at the same moment is given back.</para>
/// <para>It does not promise that a holder learns in time that it has lost its lease, nor that waiters survive their instance.</para>
/// </remarks>
public sealed class Locks
{
    /// <summary>The most locks of one page of a list.</summary>
    public const int MaxPage = 1_000;

    /// <summary>Locks that a sweep looks at together: enough to hide the round trips, too few to be felt by others.</summary>
    private const int SweepParallelism = 16;

    private readonly LockServices _services;
    private readonly LockFeeds _feeds;

    internal Locks(LockServices services, LockFeeds feeds)
    {
        _services = services;
        _feeds = feeds;
    }

    /// <summary>Acquires the lock, waiting in arrival order for at most <see cref="AcquireOptions.Wait"/>.</summary>
    /// <param name="name">See <see cref="ResourceName"/>.</param>
    /// <param name="options">What is asked for.</param>
    /// <param name="cancellation">Leaves the queue; a grant that came at the same moment is given back.</param>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away, or the session that waited was lost. Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">A grant may have happened that is being taken back; it ends after one lease at the latest.</exception>
    /// <exception cref="TooManyWaitersException">This instance serves as many waiters as it may.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<AcquireResult> AcquireAsync(string name, AcquireOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.LeaseId is not null ? ReacquireAsync(name, options, cancellation)
            : options.Key is not { } key ? AcquireAsync(name, options, companions: null, cancellation)
            : _services.Keyed.RunAsync(
                key,
                (record, _) => TryAsync(
                    async () => await AcquireAsync(name, options, CompanionsOf(record!), cancellation).ConfigureAwait(false),
                    result => result is AcquireResult.Granted),
                async (outcome, deadline) => await ExtendAsync(name, outcome, deadline).ConfigureAwait(false) is { } grant
                    ? KeyedAnswer.Done<AcquireResult>(new AcquireResult.Granted(grant))
                    : KeyedAnswer.Refused<AcquireResult>(new AcquireResult.Ended()));
    }

    /// <summary>
    /// The same, together with what the caller wants to happen in the transaction of the grant. Nothing of it happens without a grant.
    /// </summary>
    /// <exception cref="CompanionRefusedException">One of these operations was refused, and the grant with it.</exception>
    internal Task<AcquireResult> AcquireAsync(
        string name, AcquireOptions options, GrantCompanions? companions, CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return _services.Draining.IsCancellationRequested
            ? throw new DrainingException()
            : new Acquisition(_services, name, options, companions).RunAsync(cancellation);
    }

    /// <summary>Renews a lease: it lasts its TTL from the moment this request was sent, at least.</summary>
    /// <param name="name">The lock.</param>
    /// <param name="leaseId">The lease.</param>
    /// <param name="ttl">A new TTL, 500 ms to 24 h; null keeps the present one.</param>
    /// <param name="cancellation">Gives up waiting for the answer.</param>
    /// <returns>The lease, or null if it has ended, was released, or never was.</returns>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away. Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The lease may have been renewed.</exception>
    public Task<LockGrant?> RenewAsync(string name, string leaseId, TimeSpan? ttl, CancellationToken cancellation) =>
        RenewAsync(name, leaseId, ttl, companions: null, cancellation);

    /// <summary>The same under a key. A repetition renews again, to what the first answer said.</summary>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<LockGrant?> RenewAsync(string name, string leaseId, TimeSpan? ttl, KeyedRequest key, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(key);
        return RunKeyedAsync(name, key, companions => RenewAsync(name, leaseId, ttl, companions, cancellation));
    }

    /// <summary>The same, together with what the caller wants to happen in the same transaction.</summary>
    /// <exception cref="CompanionRefusedException">One of these operations was refused, and the renewal with it.</exception>
    internal Task<LockGrant?> RenewAsync(
        string name, string leaseId, TimeSpan? ttl, GrantCompanions? companions, CancellationToken cancellation)
    {
        if (ttl is { } given)
        {
            AcquireOptions.ThrowIfInvalidTtl(given);
        }

        return Holder(name, leaseId) is { } holder
            ? new Renewal(_services, Directory(name), name, holder, new RenewTerms(ttl, MayShorten: true), companions).RunAsync(cancellation)
            : Task.FromResult<LockGrant?>(null);
    }

    /// <summary>Ends a lease. Goes on after the caller has left: who releases wants it released.</summary>
    /// <returns>False if it had ended before, or never was.</returns>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away. Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The lease may have been released; releasing it again is safe.</exception>
    public Task<bool> ReleaseAsync(string name, string leaseId) => ReleaseAsync(name, leaseId, companions: null);

    /// <summary>The same under a key. A repetition is told that it is released, too.</summary>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<bool> ReleaseAsync(string name, string leaseId, KeyedRequest key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return _services.Keyed.RunAsync(
            key,
            (record, _) => TryAsync(() => ReleaseAsync(name, leaseId, [record!.Creation("{}"u8)]), released => released),
            (_, _) => Task.FromResult(KeyedAnswer.Done(true)));
    }

    /// <summary>The same, together with what the caller wants to happen in the same transaction.</summary>
    /// <exception cref="CompanionRefusedException">One of these operations was refused, and the release with it.</exception>
    internal Task<bool> ReleaseAsync(string name, string leaseId, IReadOnlyList<UnitOperation>? companions) =>
        Holder(name, leaseId) is { } holder
            ? new Release(_services, Directory(name), holder, companions).RunAsync()
            : Task.FromResult(false);

    /// <summary>
    /// Ends all present holds on the lock at once, those of native clients too, and opens it if it is closed. The holders learn it when they
    /// renew; waiters stay and get the lock in their order. Goes on after the caller has left.
    /// </summary>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away. Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The holds may have been ended.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task BreakAsync(string name, BreakOptions options)
    {
        ResourceName.ThrowIfInvalid(name);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return _services.Keyed.RunAsync(
            options.Key,
            (record, deadline) => TryAsync(
                async () =>
                {
                    await new Breaking(_services, Directory(name), name, options, record).RunAsync(deadline).ConfigureAwait(false);
                    return true;
                },
                done => done),
            (_, _) => Task.FromResult(KeyedAnswer.Done(true)));
    }

    /// <summary>Reads who holds the lock and who waits for it. Reflects every change acknowledged before the call.</summary>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away.</exception>
    public Task<LockState> GetAsync(string name, CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        LockDirectory directory = Directory(name);
        return _services.Store.ReadAsync(
            async (client, token) =>
            {
                var seen = new Contenders(await _services.Reads.ListAsync(client, directory.Path, latest: true, token).ConfigureAwait(false));
                return await new LockReader(_services).ReadAsync(client, directory, name, seen, withWaiters: true, token).ConfigureAwait(false);
            },
            cancellation);
    }

    /// <summary>
    /// Lists held locks by name, in ordinal order. It contains every lock whose grant was acknowledged before the call; those that come and go
    /// while it is read may be missing.
    /// </summary>
    /// <param name="prefix">What names must begin with; empty for all.</param>
    /// <param name="after">The name after which to begin; empty for the first page.</param>
    /// <param name="limit">1 to <see cref="MaxPage"/> locks at most.</param>
    /// <param name="cancellation">Stops waiting for the answer.</param>
    /// <exception cref="StoreUnavailableException">They could not be read in time.</exception>
    public Task<LockPage> ListAsync(string prefix, string after, int limit, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaxPage);
        return new LockListing(_services).ReadAsync(prefix, after, limit, cancellation);
    }

    /// <summary>Whether the token is that of somebody who holds the lock at this moment; never that of a waiter.</summary>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away.</exception>
    public Task<bool> VerifyAsync(string name, long fencingToken, CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        return new Verification(_services, Directory(name)).IsTokenOfHolderAsync(fencingToken, cancellation);
    }

    /// <summary>Whether the lease is one of this lock that lasts at this moment, be it of this lock alone or of several.</summary>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away.</exception>
    public async Task<bool> VerifyAsync(string name, string leaseId, CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        return await GetLeaseAsync(leaseId, cancellation).ConfigureAwait(false) is { } lease && lease.Names.Contains(name);
    }

    /// <summary>Reads a lease. Reflects every change acknowledged before the call.</summary>
    /// <returns>Null if it has ended, was released, or never was.</returns>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away.</exception>
    public async Task<LeaseState?> GetLeaseAsync(string leaseId, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(leaseId);
        if (LeaseId.CarrierOf(leaseId) is not var (name, holder))
        {
            return null;
        }

        LockDirectory directory = Directory(name);
        return await new Verification(_services, directory).FindAsync(holder, cancellation).ConfigureAwait(false) is (var node, { Primary: null } record)
            ? new LeaseState(name, new LockReader(_services).Holder(directory, holder, node, record), TimeSpan.FromMilliseconds(record.TtlMs))
            {
                Locks = record.Members is null ? null : LockMember.AllOf(new LockMember(name, holder.Mode), record.Members),
            }
            : null;
    }

    /// <summary>Opens a stream of what happens to the lock; dispose it to stop.</summary>
    /// <param name="name">The lock.</param>
    /// <param name="lastEventId">The id of the last event of an earlier stream, to go on behind it if that is still known; null for none.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away.</exception>
    /// <exception cref="TooManyWaitersException">This instance serves as many streams as it may.</exception>
    public async Task<LockEvents> ListenAsync(string name, string? lastEventId, CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        return (await LockEvents.OpenAsync(_services, this, _feeds, name, leaseId: null, lastEventId, cancellation).ConfigureAwait(false))!;
    }

    /// <summary>Opens a stream of what its holder must know of a lease; dispose it to stop.</summary>
    /// <returns>Null if the lease has ended, was released, or never was.</returns>
    /// <exception cref="StoreUnavailableException">ZooKeeper was away.</exception>
    /// <exception cref="TooManyWaitersException">This instance serves as many streams as it may.</exception>
    public Task<LockEvents?> ListenToLeaseAsync(string leaseId, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(leaseId);
        return LeaseId.CarrierOf(leaseId) is var (name, _)
            ? LockEvents.OpenAsync(_services, this, _feeds, name, leaseId, lastEventId: null, cancellation)
            : Task.FromResult<LockEvents?>(null);
    }

    /// <summary>Finds holders that nobody times, and times them; gives directories that are empty to be removed.</summary>
    internal async Task SweepAsync(CancellationToken cancellation)
    {
        string parent = LockDirectory.Parent(_services.Options.Root);
        NodeChildren? names = await _services.Store.ReadAsync((client, token) => client.GetChildrenAsync(parent, token), cancellation)
            .ConfigureAwait(false);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = SweepParallelism, CancellationToken = cancellation };
        await Parallel.ForEachAsync(names?.Names ?? [], parallel, async (name, stop) =>
        {
            LockDirectory directory = Directory(name);
            int found = await _services.Store.ReadAsync(
                async (client, token) =>
                {
                    var seen = new Contenders(await _services.Reads.ListAsync(client, directory.Path, latest: false, token).ConfigureAwait(false));
                    await new LockReader(_services).ObserveAsync(client, directory, seen.InOrder.Where(c => c.IsTimed), token).ConfigureAwait(false);
                    return seen.InOrder.Count;
                },
                stop).ConfigureAwait(false);
            if (found == 0)
            {
                _services.Free.Note(directory.Path, free: false);
            }
        }).ConfigureAwait(false);
    }

    internal static GrantCompanions CompanionsOf(OutcomeRecord record) => grant => [record.Creation(LeaseOutcome.Of(grant))];

    /// <summary>A change whose only companion is its record.</summary>
    internal static async Task<KeyedAnswer<T>> TryAsync<T>(Func<Task<T>> change, Func<T, bool> isDone)
    {
        try
        {
            T result = await change().ConfigureAwait(false);
            return isDone(result) ? KeyedAnswer.Done(result) : KeyedAnswer.Refused(result);
        }
        catch (CompanionRefusedException e)
        {
            return OutcomeRecord.IsCollision(e.Error)
                ? KeyedAnswer.Collided<T>()
                : throw new StoreUnavailableException($"ZooKeeper refuses the record of the request: {e.Error}.", e);
        }
    }

    /// <summary>Gives the holder of a lease his lease back.</summary>
    private async Task<AcquireResult> ReacquireAsync(string name, AcquireOptions options, CancellationToken cancellation)
    {
        options.ThrowIfInvalid();
        if (Holder(name, options.LeaseId!) is not { } holder)
        {
            return new AcquireResult.Ended();
        }

        if (holder.Mode != options.Mode)
        {
            return new AcquireResult.OtherMode(holder.Mode);
        }

        var terms = new RenewTerms(options.Ttl, MayShorten: false);
        LockGrant? grant = await RunKeyedAsync(
            name,
            options.Key,
            companions => new Renewal(_services, Directory(name), name, holder, terms, companions).RunAsync(cancellation)).ConfigureAwait(false);
        return grant is null ? new AcquireResult.Ended() : new AcquireResult.Granted(grant);
    }

    /// <summary>Renews a lease, once for each key; a repetition makes true again what was answered before.</summary>
    private Task<LockGrant?> RunKeyedAsync(string name, KeyedRequest? key, Func<GrantCompanions?, Task<LockGrant?>> renew) =>
        _services.Keyed.RunAsync<LockGrant?>(
            key,
            (record, _) => TryAsync(() => renew(record is null ? null : CompanionsOf(record)), grant => grant is not null),
            async (outcome, deadline) => await ExtendAsync(name, outcome, deadline).ConfigureAwait(false) is { } grant
                ? KeyedAnswer.Done<LockGrant?>(grant)
                : KeyedAnswer.Refused<LockGrant?>(null));

    private Task<LockGrant?> ExtendAsync(string name, StoredOutcome outcome, Deadline deadline)
    {
        LeaseOutcome told = LeaseOutcome.Parse(outcome.Json);
        return new Extension(_services, Directory(name), name, Holder(name, told.LeaseId)!, told).RunAsync(deadline);
    }

    private LockDirectory Directory(string name) => new(_services.Options.Root, name);

    private static ContenderName? Holder(string name, string leaseId)
    {
        ResourceName.ThrowIfInvalid(name);
        ArgumentNullException.ThrowIfNull(leaseId);
        return LeaseId.HolderName(name, leaseId) is { } holder ? ContenderName.Parse(holder) : null;
    }
}
