using System.Text;
using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Locking;
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
    /// <summary>Locks that a sweep looks at together: enough to hide the round trips, too few to be felt by others.</summary>
    private const int SweepParallelism = 16;

    private readonly LockServices _services;

    internal Locks(LockServices services) => _services = services;

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
        return options.Key is not { } key
            ? AcquireAsync(name, options, companions: null, cancellation)
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
        return _services.Keyed.RunAsync<LockGrant?>(
            key,
            (record, _) => TryAsync(() => RenewAsync(name, leaseId, ttl, CompanionsOf(record!), cancellation), grant => grant is not null),
            async (outcome, deadline) => await ExtendAsync(name, outcome, deadline).ConfigureAwait(false) is { } grant
                ? KeyedAnswer.Done<LockGrant?>(grant)
                : KeyedAnswer.Refused<LockGrant?>(null));
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
            ? new Renewal(_services, Directory(name), name, holder, ttl, companions).RunAsync(cancellation)
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
                    await new LockReader(_services).ObserveAsync(client, directory, seen.InOrder.Where(c => c.IsHolder), token).ConfigureAwait(false);
                    return seen.InOrder.Count;
                },
                stop).ConfigureAwait(false);
            if (found == 0)
            {
                _services.Free.Note(directory.Path, free: false);
            }
        }).ConfigureAwait(false);
    }

    private static GrantCompanions CompanionsOf(OutcomeRecord record) => grant => [record.Creation(LeaseOutcome.Of(grant))];

    /// <summary>A change whose only companion is its record.</summary>
    private static async Task<KeyedAnswer<T>> TryAsync<T>(Func<Task<T>> change, Func<T, bool> isDone)
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
        ArgumentOutOfRangeException.ThrowIfLessThan(Wait, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Wait, TimeSpan.FromMinutes(10));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Owner.Length, 200);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Metadata.Sum(m => Encoding.UTF8.GetByteCount(m.Key) + Encoding.UTF8.GetByteCount(m.Value)), 4096);
    }
}

/// <summary>The answer to an acquisition: <see cref="Granted"/>, <see cref="Held"/> or <see cref="Ended"/>.</summary>
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

    /// <summary>The lock was granted to an earlier request under the same key, and that lease has ended.</summary>
    public sealed record Ended : AcquireResult;
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
