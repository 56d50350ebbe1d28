using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// One attempt to get several locks, from its arrival to the grant or the refusal. If all are free they are taken at once; else the caller
/// queues for all of them, or is refused.
/// </summary>
internal sealed class MultiAcquisition(LockServices services, LockSet set, AcquireOptions options, GrantCompanions? companions)
{
    /// <summary>What an acquisition may still take, to settle what is under way, once the instance drains.</summary>
    private static readonly TimeSpan s_drainLimit = TimeSpan.FromSeconds(1);

    /// <summary>How often locks that were free when they were looked at are tried to be taken before one queues for them.</summary>
    private const int MaxRounds = 4;

    /// <summary>Looks, 1 to 64 ms apart, at locks that nobody holds and somebody waits for, before they are called "held".</summary>
    private const int MaxLooks = 12;

    private readonly long _arrived = services.Clock.GetTimestamp();
    private readonly Deadline _deadline = services.Lanes.NewDeadline();

    internal async Task<MultiAcquireResult> RunAsync(CancellationToken cancellation)
    {
        // Nobody waits for ZooKeeper in order to wait for a lock.
        using CancellationTokenSource limit = services.Store.NewDeadline();
        using CancellationTokenRegistration drained = services.Draining.UnsafeRegister(_ => limit.CancelAfter(s_drainLimit), null);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            return await ContendAsync(limit, cancellation, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (Exception e) when (e is OperationCanceledException or ZooKeeperException)
        {
            throw services.Draining.IsCancellationRequested ? new DrainingException()
                : e is RequestRefusedException refused ? StoreCalls.Unavailable(refused)
                : new StoreUnavailableException("ZooKeeper could not be reached in time, or the session that waited for the locks was lost.", e);
        }
    }

    private async Task<MultiAcquireResult> ContendAsync(CancellationTokenSource limit, CancellationToken cancellation, CancellationToken token)
    {
        var missing = new bool[set.Count];
        for (int round = 0; round < MaxRounds; round++)
        {
            ZooKeeperClient client = await services.Sessions.ConnectedAsync(token).ConfigureAwait(false);
            DirectoryListing?[] listings = await set.DirectoriesAsync(client, latest: false, token).ConfigureAwait(false);
            missing = [.. listings.Select(listing => listing is null)];
            bool free = Array.TrueForAll(listings, listing => listing is null || (listing.Names.Count == 0 && LockDirectory.IsOurs(listing)));
            if (free)
            {
                if (await TakeAsync(missing, cancellation).ConfigureAwait(false) is { } granted)
                {
                    return granted;
                }

                continue;
            }

            if (options.Wait > TimeSpan.Zero || Blocked([.. listings.Select(listing => new Contenders(listing))]).Count == 0)
            {
                break;
            }

            if (await RefuseAsync(own: null, token).ConfigureAwait(false) is { } held)
            {
                return held;
            }
        }

        var wait = new MultiWait(services, set, options, _arrived, companions);
        LockGrant? grant = await wait.RunAsync(missing, limit, cancellation, token).ConfigureAwait(false);
        return grant is not null
            ? new MultiAcquireResult.Granted(MultiGrant.Of(grant))
            : await RefuseAsync(wait.Names, token).ConfigureAwait(false) ?? new MultiAcquireResult.Held([], TimeSpan.Zero);
    }

    /// <summary>
    /// Takes locks that nobody contends for: each directory is replaced by a new one with the holder as its first child, all in one
    /// transaction. None of them can be deleted unless it is empty, so that the transaction proves that all were free at its moment.
    /// </summary>
    /// <returns>Null if they were not all free.</returns>
    private async Task<MultiAcquireResult?> TakeAsync(bool[] missing, CancellationToken cancellation)
    {
        // New directories count from 0.
        Hold[] holds = set.NewHolds(options, new int[set.Count]);
        var unit = new CommitUnit(set.Resource) { Unclaimed = late => set.Abandon(holds, late.Zxid, isKept: companions is not null) };
        for (int i = 0; i < set.Count; i++)
        {
            if (!missing[i])
            {
                unit.Delete(set.Directories[i].Path, -1);
            }

            set.AddCreation(set.Directories[i].AddCreation(unit), i, holds[i]);
        }

        int companionsAt = unit.Operations.Count;
        unit.Add(companions?.Invoke(holds[0].ToGrant(set.Locks[0].Name, 0, _arrived, services.Clock)));
        CommitResult result = await services.Lanes.CommitAsync(unit, _deadline, cancellation).ConfigureAwait(false);
        if (result.Committed)
        {
            set.Observe(holds, result.Zxid);
            LockGrant grant = set.Conclude(holds, result.Zxid, _arrived, companions is not null, cancellation);
            return new MultiAcquireResult.Granted(MultiGrant.Of(grant));
        }

        if (result.FailedIndex >= companionsAt)
        {
            throw new CompanionRefusedException(result, companionsAt);
        }

        if (result.Error == ErrorCode.NoNode && unit.Operations[result.FailedIndex] is UnitOperation.Create)
        {
            await services.Store.ReadAsync(LockDirectory.EnsureParentAsync(services.Options.Root), _deadline).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>
    /// Reads who holds those that are not free. A refusal must not rest on a stale listing, nor on somebody who is himself about to leave:
    /// while nobody holds any of them, they are looked at again.
    /// </summary>
    /// <param name="own">The caller's own waiters, which may still be there.</param>
    /// <param name="token">Gives up.</param>
    /// <returns>Null if all are free.</returns>
    private async Task<MultiAcquireResult.Held?> RefuseAsync(IReadOnlyList<ContenderName>? own, CancellationToken token)
    {
        for (int look = 0; ; look++)
        {
            ZooKeeperClient client = await services.Sessions.ConnectedAsync(token).ConfigureAwait(false);
            Contenders[] seen = await set.ListAsync(client, latest: true, token).ConfigureAwait(false);
            List<int> blocked = Blocked([.. seen.Select((one, i) => one.Without(own?[i]))]);
            if (blocked.Count == 0)
            {
                return null;
            }

            LockState[] states = await Task.WhenAll(blocked.Select(i => SharedReads.AgainAsync(
                t => new LockReader(services).ReadAsync(client, set.Directories[i], set.Locks[i].Name, seen[i].Without(own?[i]), withWaiters: false, t),
                token))).ConfigureAwait(false);
            if (Array.Exists(states, state => state.Holders.Count > 0 || state.Closed is not null) || look == MaxLooks)
            {
                return new MultiAcquireResult.Held(states, states.Max(RetryAfter));
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1 << Math.Min(look, 6)), services.Clock, token).ConfigureAwait(false);
        }
    }

    /// <summary>The indexes of the locks for which a newcomer would have to wait.</summary>
    private List<int> Blocked(Contenders[] seen) =>
        [.. Enumerable.Range(0, set.Count).Where(i => seen[i].BlocksNewcomer(set.Locks[i].Mode))];

    private TimeSpan RetryAfter(LockState state)
    {
        TimeSpan held = state.Holders.Select(h => h.Remaining ?? options.Ttl).DefaultIfEmpty(TimeSpan.Zero).Min();
        TimeSpan closed = state.Closed ?? TimeSpan.Zero;
        return held > closed ? held : closed;
    }
}
