using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// One attempt to get one lock, from its arrival to the grant or the refusal. Bound to one ZooKeeper session: a waiter dies with it.
/// Whatever way it ends without a grant, its place in the queue is given up.
/// </summary>
internal sealed class Acquisition(LockServices services, string name, AcquireOptions options)
{
    /// <summary>Missed events are not expected; this bounds what one would cost.</summary>
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(5);

    /// <summary>What an acquisition may still take, to settle what is under way, once the instance drains.</summary>
    private static readonly TimeSpan s_drainLimit = TimeSpan.FromSeconds(1);

    private readonly LockDirectory _directory = new(services.Options.Root, name);
    private readonly long _arrived = services.Clock.GetTimestamp();

    internal async Task<AcquireResult> RunAsync(CancellationToken cancellation)
    {
        // Nobody waits for ZooKeeper in order to wait for a lock.
        using CancellationTokenSource limit = services.Store.NewDeadline();
        using CancellationTokenRegistration drained = services.Draining.UnsafeRegister(_ => limit.CancelAfter(s_drainLimit), null);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        Place? place = null;
        try
        {
            ZooKeeperClient client = await services.Sessions.ConnectedAsync(either.Token).ConfigureAwait(false);
            Contenders seen = await FirstLookAsync(client, either.Token).ConfigureAwait(false);
            if (seen.BlocksNewcomer(options.Mode) && options.Wait == TimeSpan.Zero)
            {
                return await HeldAsync(client, seen, either.Token).ConfigureAwait(false);
            }

            place = new Place(services, _directory, client, options);
            AcquireResult result = await ContendAsync(client, place, seen, limit, cancellation, either.Token).ConfigureAwait(false);
            place = result is AcquireResult.Granted ? null : place;
            return result;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (Exception e) when (e is OperationCanceledException or ZooKeeperException)
        {
            throw place is { MayBeGranted: true }
                ? new EffectUnknownException("ZooKeeper's answer to the grant was lost and could not be found out in time.", e)
                : services.Draining.IsCancellationRequested
                ? new DrainingException()
                : new StoreUnavailableException("ZooKeeper could not be reached in time, or the session that waited for the lock was lost.", e);
        }
        finally
        {
            place?.Leave();
        }
    }

    /// <summary>A refusal must not rest on a stale listing: the lock may have been released, through another instance, before the caller asked.</summary>
    private async Task<Contenders> FirstLookAsync(ZooKeeperClient client, CancellationToken token)
    {
        Contenders seen = await Place.AgainAsync(t => _directory.ListAsync(client, t), token).ConfigureAwait(false);
        return seen.BlocksNewcomer(options.Mode) && options.Wait == TimeSpan.Zero
            ? await Place.AgainAsync(t => _directory.ListLatestAsync(client, t), token).ConfigureAwait(false)
            : seen;
    }

    /// <summary>The short way if nobody was there, the long way otherwise, and from the one to the other without losing the place.</summary>
    private async Task<AcquireResult> ContendAsync(
        ZooKeeperClient client, Place place, Contenders seen, CancellationTokenSource limit, CancellationToken cancellation, CancellationToken token)
    {
        bool asHolder = !seen.BlocksNewcomer(options.Mode);
        IDisposable? slot = asHolder ? null : services.Slots.Take();
        try
        {
            seen = await place.EnterAsync(asHolder, token).ConfigureAwait(false);

            // Who is in the queue rides out an outage there: the place is kept as long as the session is.
            TimeSpan left = options.Wait + services.Options.StoreDeadline - Waited();
            limit.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            while (true)
            {
                cancellation.ThrowIfCancellationRequested();
                Place.OwnNode own = place.Own!;
                if (seen.BlockerOf(own.Name) is not { } blocker)
                {
                    return await GrantAsync(place, seen, cancellation, token).ConfigureAwait(false);
                }

                if (Waited() >= options.Wait)
                {
                    place.Leave();
                    return await HeldAsync(client, seen.Without(own.Name), token).ConfigureAwait(false);
                }

                if (own.Name.IsHolder)
                {
                    slot ??= services.Slots.Take();
                    await place.ReplaceAsync(asHolder: false, token).ConfigureAwait(false);
                }
                else
                {
                    await WaitForAsync(client, seen, own, blocker, cancellation, token).ConfigureAwait(false);
                    ThrowIfLateAndDisconnected(client);
                }

                seen = await place.LookAsync(token).ConfigureAwait(false);
            }
        }
        finally
        {
            slot?.Dispose();
        }
    }

    /// <summary>
    /// Nobody blocks: the lock is ours. A holder created the short way keeps its token only if nothing moved since; otherwise an
    /// exclusive grant with a higher token may have come and gone, and it takes a new one, in the same place.
    /// </summary>
    private async Task<AcquireResult> GrantAsync(Place place, Contenders seen, CancellationToken cancellation, CancellationToken token)
    {
        if (!place.Own!.Name.IsHolder || seen.ChildrenZxid != place.Own.Zxid)
        {
            await place.ReplaceAsync(asHolder: true, token).ConfigureAwait(false);
        }

        cancellation.ThrowIfCancellationRequested();
        Place.OwnNode own = place.Own;
        TimeSpan age = services.Clock.GetElapsedTime(own.SentAt);
        if (age > options.Ttl / 2)
        {
            throw new StoreUnavailableException("The lock was granted too late for its lease to be of use, and was given back.");
        }

        services.Leases.Observe(_directory.Child(own.Name.Name), 0, options.Ttl, HolderLease.Instance);
        return new AcquireResult.Granted(new LockGrant(
            name,
            LeaseId.Of(name, own.Name),
            own.Zxid,
            options.Mode,
            options.Owner,
            options.Ttl,
            services.Clock.GetElapsedTime(_arrived, own.SentAt),
            own.Since,
            services.Clock.GetUtcNow() + options.Ttl - age));
    }

    /// <summary>
    /// Watches the highest contender that blocks us, and times every holder before us. Any event means look again, and so does the
    /// passing of time.
    /// </summary>
    private async Task WaitForAsync(
        ZooKeeperClient client, Contenders seen, Place.OwnNode own, ContenderName blocker, CancellationToken cancellation, CancellationToken token)
    {
        await new LockReader(services).ObserveAsync(client, _directory, seen.HoldersBlocking(own.Name), token).ConfigureAwait(false);

        // getData and not exists: on a node that is gone it leaves no watch behind.
        Watched<NodeData>? watched =
            await Place.AgainAsync(t => client.WatchDataAsync(_directory.Child(blocker.Name), t), token).ConfigureAwait(false);
        using Watch? watch = watched?.Watch;
        TimeSpan left = options.Wait - Waited();
        if (watch is null || left <= TimeSpan.Zero)
        {
            return;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, services.Draining);
        try
        {
            await watch.Changed.WaitAsync(left < s_lookAgain ? left : s_lookAgain, services.Clock, stop.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Look again.
        }
    }

    private async Task<AcquireResult> HeldAsync(ZooKeeperClient client, Contenders seen, CancellationToken token)
    {
        var reader = new LockReader(services);
        LockState state = await Place
            .AgainAsync(t => reader.ReadAsync(client, _directory, name, seen, withWaiters: false, t), token).ConfigureAwait(false);
        TimeSpan retryAfter = state.Holders.Select(h => h.Remaining ?? options.Ttl).DefaultIfEmpty(TimeSpan.Zero).Min();
        return new AcquireResult.Held(state, retryAfter);
    }

    private TimeSpan Waited() => services.Clock.GetElapsedTime(_arrived);

    private void ThrowIfLateAndDisconnected(ZooKeeperClient client)
    {
        if (Waited() >= options.Wait && client.Status.State != SessionState.Connected)
        {
            throw new StoreUnavailableException("ZooKeeper is away, so that nobody can tell whether the lock is held.");
        }
    }
}
