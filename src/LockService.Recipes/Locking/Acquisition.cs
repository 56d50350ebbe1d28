using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// One attempt to get one lock, from its arrival to the grant or the refusal. A free lock is taken at once; for any other the caller
/// queues, or is refused.
/// </summary>
internal sealed class Acquisition(LockServices services, string name, AcquireOptions options, GrantCompanions? companions)
{
    /// <summary>What an acquisition may still take, to settle what is under way, once the instance drains.</summary>
    private static readonly TimeSpan s_drainLimit = TimeSpan.FromSeconds(1);

    /// <summary>How often a lock that was free when it was looked at is tried to be taken before one queues for it.</summary>
    private const int MaxRounds = 4;

    /// <summary>Looks, 1 to 64 ms apart, at a lock that nobody holds and somebody waits for, before that is called "held".</summary>
    private const int MaxLooks = 12;

    private readonly LockDirectory _directory = new(services.Options.Root, name);
    private readonly long _arrived = services.Clock.GetTimestamp();
    private readonly Deadline _deadline = services.Lanes.NewDeadline();

    internal async Task<AcquireResult> RunAsync(CancellationToken cancellation)
    {
        if (services.Free.TryTakeBelieved(_directory.Path)
            && await TakeAsync(directoryExists: true, believed: true, cancellation).ConfigureAwait(false) is { } granted)
        {
            return granted;
        }

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
                : new StoreUnavailableException("ZooKeeper could not be reached in time, or the session that waited for the lock was lost.", e);
        }
    }

    private async Task<AcquireResult> ContendAsync(CancellationTokenSource limit, CancellationToken cancellation, CancellationToken token)
    {
        bool missing = false;
        for (int round = 0; round < MaxRounds && !IsBusyHere(); round++)
        {
            DirectoryListing? listing = await LookAsync(latest: false, token).ConfigureAwait(false);
            missing = listing is null;
            bool free = listing is null || (listing.Names.Count == 0 && LockDirectory.IsOurs(listing));
            if (free)
            {
                if (services.Free.TryTakeSeen(_directory.Path) is { } taken)
                {
                    await taken.WaitAsync(token).ConfigureAwait(false);
                }
                else if (await TakeAsync(listing is not null, believed: false, cancellation).ConfigureAwait(false) is { } granted)
                {
                    return granted;
                }

                missing = false;
            }

            if (options.Wait > TimeSpan.Zero || (!free && !new Contenders(listing).BlocksNewcomer(options.Mode)))
            {
                break;
            }

            if (await RefuseAsync(own: null, token).ConfigureAwait(false) is { } held)
            {
                return held;
            }
        }

        var queued = new QueuedWait(services, _directory, name, options, _arrived, companions);
        LockGrant? grant = await queued.RunAsync(missing, limit, cancellation, token).ConfigureAwait(false);
        return grant is not null
            ? new AcquireResult.Granted(grant)
            : await RefuseAsync(queued.Name, token).ConfigureAwait(false) ?? new AcquireResult.Held(new LockState(name, [], [], 0), TimeSpan.Zero);
    }

    /// <summary>Somebody who waits here shows that a newcomer has to.</summary>
    private bool IsBusyHere() => options.Wait > TimeSpan.Zero && services.Lines.Find(_directory.Path) is not null;

    private async Task<DirectoryListing?> LookAsync(bool latest, CancellationToken token) =>
        await SharedReads.AgainAsync(
            async t =>
            {
                ZooKeeperClient client = await services.Sessions.ConnectedAsync(t).ConfigureAwait(false);
                return await services.Reads.ListAsync(client, _directory.Path, latest, t).ConfigureAwait(false);
            },
            token).ConfigureAwait(false);

    /// <summary>
    /// Takes a lock that nobody contends for. The directory is replaced by a new one with the holder as its first child; it cannot be deleted
    /// unless it is empty. So there is no moment at which a holder exists that may turn out not to be the first, and nothing has to be
    /// looked at afterwards.
    /// </summary>
    /// <returns>Null if the lock was not free.</returns>
    private async Task<AcquireResult?> TakeAsync(bool directoryExists, bool believed, CancellationToken cancellation)
    {
        bool taken = false;
        try
        {
            // A new directory counts from 0.
            Hold hold = Hold.New(services, options, sequence: 0);
            string path = _directory.Child(hold.Name.Name);
            var unit = new CommitUnit(_directory.Path) 
            {
                Unclaimed = late => Granting.Abandon(services, _directory, hold, late.Zxid, isKept: companions is not null),
            };
            if (directoryExists)
            {
                unit.Delete(_directory.Path, -1);
            }

            _directory.AddCreation(unit).CreateListed(path, hold.Record.ToBytes());
            int companionsAt = unit.Operations.Count;
            unit.Add(companions?.Invoke(hold.ToGrant(name, 0, _arrived, services.Clock)));
            CommitResult result = await services.Lanes.CommitAsync(unit, _deadline, cancellation).ConfigureAwait(false);
            taken = result.Committed;
            if (taken)
            {
                Granting.Observe(services, _directory, hold, result.Zxid);
                return new AcquireResult.Granted(Granting.Conclude(services, _directory, name, hold, result.Zxid, _arrived, companions is not null, cancellation));
            }

            if (result.FailedIndex >= companionsAt)
            {
                throw new CompanionRefusedException(result, companionsAt);
            }

            if (!directoryExists && result.Error == ErrorCode.NoNode)
            {
                await services.Store.ReadAsync(LockDirectory.EnsureParentAsync(services.Options.Root), _deadline).ConfigureAwait(false);
            }

            return null;
        }
        finally
        {
            services.Free.EndTaking(_directory.Path, taken || !believed);
        }
    }

    /// <summary>
    /// Reads who holds the lock. A refusal must not rest on a stale listing: the lock may have been released, through another instance,
    /// before the caller asked. Nor on somebody who is himself about to leave: while nobody holds it, it is looked at again.
    /// </summary>
    /// <param name="own">The caller's own waiter, which may still be there.</param>
    /// <param name="token">Gives up.</param>
    /// <returns>Null if the lock is free.</returns>
    private async Task<AcquireResult.Held?> RefuseAsync(ContenderName? own, CancellationToken token)
    {
        for (int look = 0; ; look++)
        {
            Contenders seen = new Contenders(await LookAsync(latest: true, token).ConfigureAwait(false)).Without(own);
            if (!seen.BlocksNewcomer(options.Mode))
            {
                return null;
            }

            LockState state = await SharedReads.AgainAsync(
                t => new LockReader(services).ReadAsync(services.Sessions.Current, _directory, name, seen, withWaiters: false, t),
                token).ConfigureAwait(false);
            if (state.Holders.Count > 0 || state.Closed is not null || look == MaxLooks)
            {
                TimeSpan held = state.Holders.Select(h => h.Remaining ?? options.Ttl).DefaultIfEmpty(TimeSpan.Zero).Min();
                TimeSpan closed = state.Closed ?? TimeSpan.Zero;
                return new AcquireResult.Held(state, held > closed ? held : closed);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(1 << Math.Min(look, 6)), services.Clock, token).ConfigureAwait(false);
        }
    }
}
