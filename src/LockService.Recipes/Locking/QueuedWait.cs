using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Queues for a lock: a waiter's node on one ZooKeeper session, until it is replaced by a holder or given up. Whatever way it ends without a
/// grant, nothing of it stays.
/// </summary>
/// <remarks>
/// 1. Create the waiter and list behind it, on the same session. The own node must be in the list: else the place is lost.
/// 2. Blocked by nobody: replace the waiter by a holder, in one transaction. Its deletion is the guard: it proves that the place was never lost.
/// 3. Blocked by another waiter of this instance: it is heard of from the line. By anybody else: watch his node, and look again then.
/// 4. Whoever releases the lock in this instance may have done step 2 for us (<see cref="Release"/>).
/// </remarks>
internal sealed class QueuedWait(
    LockServices services, LockDirectory directory, string name, AcquireOptions options, long arrived, GrantCompanions? companions)
{
    /// <summary>
    /// The server's numbers wrap after 2^31-1, and two contenders with one number would both find nobody before them. Nobody is let in
    /// from here on, until the directory has emptied, gone, and begun at 0 again.
    /// </summary>
    internal const int LastSequence = int.MaxValue - (1 << 24);

    /// <summary>
    /// How long the entry into a queue, or its confirmation, waits for a release to travel with. Who has to wait loses nothing by it, and a hot lock's next release
    /// need not wait for a batch with nothing but the last holder's new entry.
    /// </summary>
    private static readonly TimeSpan s_entryPatience = TimeSpan.FromMilliseconds(3);

    /// <summary>Missed events are not expected; this bounds what one would cost.</summary>
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(5);

    /// <summary>The same for what is heard of within this process.</summary>
    private static readonly TimeSpan s_askAgain = TimeSpan.FromSeconds(30);

    private readonly byte[] _record = new ContenderRecord
    {
        Owner = options.Owner,
        Metadata = options.Metadata,
        Since = services.Clock.GetUtcNow(),
        Instance = services.InstanceId,
    }.ToBytes();

    private LockLine? _line;
    private Place? _place;
    private bool _concluded;

    /// <summary>The waiter; null before it was created.</summary>
    internal ContenderName? Name => _place?.Name;

    /// <param name="missing">Whether the directory seems not to exist.</param>
    /// <param name="limit">Everything's, unless the caller gets into the queue.</param>
    /// <param name="cancellation">The caller leaves.</param>
    /// <param name="token">The one or the other.</param>
    /// <returns>Null if the lock did not become free in time.</returns>
    internal async Task<LockGrant?> RunAsync(bool missing, CancellationTokenSource limit, CancellationToken cancellation, CancellationToken token)
    {
        using WaiterSeats.Seats seat = services.Seats.Take(1);
        string prefix = ContenderName.NewPrefix(options.Mode, holder: false);
        services.Waiters.Add(prefix);
        try
        {
            CommitResult entered = await EnterAsync(prefix, seat.Session, missing, token).ConfigureAwait(false);
            if (_line is not { } line || _place is not { } place)
            {
                throw Lost();
            }

            try
            {
                return await StandAsync(line, place, entered, seat.Session, limit, cancellation, token).ConfigureAwait(false);
            }
            finally
            {
                Leave();
            }
        }
        finally
        {
            services.Waiters.Remove(prefix);
        }
    }

    private async Task<CommitResult> EnterAsync(string prefix, int session, bool missing, CancellationToken token)
    {
        Deadline deadline = services.Lanes.NewDeadline();
        while (true)
        {
            var unit = new CommitUnit(directory.Path) {
                ListBehind = directory.Path,
                Committed = Join,
                Unclaimed = _ => Leave(),
                Patience = options.Wait > s_entryPatience ? s_entryPatience : TimeSpan.Zero,
            };
            if (missing)
            {
                directory.AddCreation(unit);
            }

            unit.Create(directory.Child(prefix), _record, CreateMode.EphemeralSequential);
            CommitResult result;
            try
            {
                result = await services.Lanes.CommitWaiterAsync(unit, session, deadline, token).ConfigureAwait(false);
            }
            catch (EffectUnknownException e)
            {
                // A waiter is no effect: if it comes to be, it is removed.
                throw new StoreUnavailableException("ZooKeeper could not be reached in time.", e);
            }

            if (result.Committed)
            {
                return result;
            }

            if (missing && result.Error == ErrorCode.NoNode)
            {
                await services.Store.ReadAsync(LockDirectory.EnsureParentAsync(services.Options.Root), deadline).ConfigureAwait(false);
            }
            else if (result.Error is not (ErrorCode.NoNode or ErrorCode.NodeExists))
            {
                throw new StoreUnavailableException($"ZooKeeper refuses the waiter: {result.Error}.");
            }
            else
            {
                missing = result.Error == ErrorCode.NoNode;
            }
        }
    }

    private async Task<LockGrant?> StandAsync(
        LockLine line,
        Place place,
        CommitResult entered,
        int session,
        CancellationTokenSource limit,
        CancellationToken cancellation,
        CancellationToken token)
    {
        if (place.Name.Sequence is < 0 or > LastSequence)
        {
            throw new StoreUnavailableException("The lock's queue numbers are nearly used up; it must be unused for a minute to begin anew.");
        }

        if (entered.Listing is null)
        {
            await LookAsync(line, place, latest: false, token).ConfigureAwait(false);
        }
        else if (!line.TakeIn(place, new Contenders(entered.Listing)))
        {
            throw Lost();
        }

        // Who is in the queue rides out an outage there: the place is kept as long as the session is.
        TimeSpan left = options.Wait + services.Options.StoreDeadline - Waited();
        limit.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        if (Confirmation.IsNeeded(services, entered.Listing, entered.CommittedAtMs))
        {
            await ConfirmAsync(line, place, session, token).ConfigureAwait(false);
        }

        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            Turn turn = line.NextTurn(place);
            if (turn.State == PlaceState.Granted)
            {
                // Tells the caller of the grant, or gives it back: either way nothing is left to be removed.
                _concluded = true;
                return Granting.Conclude(services, directory, name, place.Hold!, place.Token, arrived, companions is not null, cancellation);
            }

            if (turn.Blocker is not null && Waited() >= options.Wait)
            {
                return null;
            }

            try
            {
                await AdvanceAsync(line, place, turn, cancellation, token).ConfigureAwait(false);
            }
            catch (SessionEndedException) when (line.IsClaimed(place))
            {
                // A release has the place in hand: it may have been granted before the session ended.
            }
        }
    }

    /// <summary>Makes sure that everybody sees the place, and looks again; unless the lock is handed over to it meanwhile.</summary>
    private async Task ConfirmAsync(LockLine line, Place place, int session, CancellationToken token)
    {
        // Who has to wait for somebody anyway can wait for a release to travel with.
        TimeSpan patience = line.IsBlocked(place) ? s_entryPatience : TimeSpan.Zero;
        string[] path = [directory.Child(place.Name.Name)];
        try
        {
            await Confirmation.ConfirmAsync(services, directory.Path, session, path, _record, patience, () => line.IsGranted(place), token).ConfigureAwait(false);
            if (!line.IsGranted(place))
            {
                await LookAsync(line, place, latest: false, token).ConfigureAwait(false);
            }
        }
        catch (SessionEndedException) when (line.IsGranted(place))
        {
            // It was handed over before the session ended.
        }
    }

    private async Task AdvanceAsync(LockLine line, Place place, Turn turn, CancellationToken cancellation, CancellationToken token)
    {
        if (turn.MayPromote)
        {
            await PromoteAsync(line, place, cancellation, token).ConfigureAwait(false);
        }
        else if (turn.State == PlaceState.Claimed)
        {
            await turn.Changed.WaitAsync(token).ConfigureAwait(false);
        }
        else if (turn.Blocker is not { } blocker)
        {
            // Newer than all that is known, or it would not count.
            await LookAsync(line, place, latest: true, token).ConfigureAwait(false);
        }
        else if (await WaitForAsync(line, place, blocker, turn.Changed, cancellation, token).ConfigureAwait(false) && !line.IsClaimed(place))
        {
            ThrowIfLateAndDisconnected(place);
            await LookAsync(line, place, latest: false, token).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until something may have changed.</summary>
    /// <returns>Whether to look; false if the line knows.</returns>
    private async Task<bool> WaitForAsync(
        LockLine line, Place place, ContenderName blocker, Task changed, CancellationToken cancellation, CancellationToken token)
    {
        if (line.Serves(blocker))
        {
            return !await IsChangedAsync(changed, changed, s_askAgain, cancellation).ConfigureAwait(false);
        }

        await new LockReader(services).ObserveAsync(place.Client, directory, line.TimedBefore(place), token).ConfigureAwait(false);

        // getData and not exists: on a node that is gone it leaves no watch behind.
        Watched<NodeData>? watched = await SharedReads
            .AgainAsync(t => place.Client.WatchDataAsync(directory.Child(blocker.Name), t), token).ConfigureAwait(false);
        using Watch? watch = watched?.Watch;
        return watch is null || !await IsChangedAsync(changed, watch.Changed, s_lookAgain, cancellation).ConfigureAwait(false);
    }

    /// <returns>Whether it was the line that has changed, and not the watched node, nor the time that is over.</returns>
    private async Task<bool> IsChangedAsync(Task changed, Task watched, TimeSpan most, CancellationToken cancellation)
    {
        TimeSpan left = options.Wait - Waited();
        if (left <= TimeSpan.Zero)
        {
            return false;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, services.Draining);
        try
        {
            Task first = await Task.WhenAny(changed, watched).WaitAsync(left < most ? left : most, services.Clock, stop.Token).ConfigureAwait(false);
            return ReferenceEquals(first, changed);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Lists on the session of the node.</summary>
    private async Task LookAsync(LockLine line, Place place, bool latest, CancellationToken token)
    {
        DirectoryListing? listing = await SharedReads
            .AgainAsync(t => services.Reads.ListAsync(place.Client, directory.Path, latest, t), token).ConfigureAwait(false);
        var seen = new Contenders(listing);
        if (line.TakeIn(place, seen))
        {
            return;
        }

        // The answer to a release that handed the lock over to us was lost: its outcome is in the list.
        if (place.Open is { } hold && seen.Find(hold.Name.Name) is not null)
        {
            string path = directory.Child(hold.Name.Name);
            NodeData? made = await SharedReads.AgainAsync(t => place.Client.GetDataAsync(path, t), token).ConfigureAwait(false);
            if (made is { } node)
            {
                Granted(line, place, hold, node.Stat.CreatedZxid);
                return;
            }
        }

        throw Lost();
    }

    /// <summary>Nobody blocks us: takes the lock.</summary>
    private async Task PromoteAsync(LockLine line, Place place, CancellationToken cancellation, CancellationToken token)
    {
        Hold hold = Hold.New(services, options, place.Name.Sequence);
        string path = directory.Child(hold.Name.Name);
        CommitUnit unit = new CommitUnit(directory.Path) { Unclaimed = late => Abandon(hold, late.Zxid) }
            .Delete(directory.Child(place.Name.Name), -1)
            .CreateListed(path, hold.Record.ToBytes());
        int companionsAt = unit.Operations.Count;
        unit.Add(companions?.Invoke(hold.ToGrant(name, 0, arrived, services.Clock)));
        TimeSpan left = options.Wait - Waited();
        var deadline = Deadline.After((left > TimeSpan.Zero ? left : TimeSpan.Zero) + services.Options.StoreDeadline, services.Clock);
        CommitResult result = await services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
        if (result.Committed)
        {
            Granted(line, place, hold, result.Zxid);
        }
        else if (result.FailedIndex >= companionsAt)
        {
            throw new CompanionRefusedException(result, companionsAt);
        }
        else if (result.Error is not (ErrorCode.NoNode or ErrorCode.NodeExists))
        {
            throw new StoreUnavailableException($"ZooKeeper refuses the grant: {result.Error}.");
        }
        else
        {
            // Lost, or a hand-over whose answer was lost was carried out after all.
            line.Unclaim([(place, hold)], open: false);
            await LookAsync(line, place, latest: false, token).ConfigureAwait(false);
        }
    }

    private void Granted(LockLine line, Place place, Hold hold, long token)
    {
        Granting.Observe(services, directory, hold, token);
        line.Grant([(place, hold)], released: null, token);
    }

    /// <summary>
    /// Stands in the line as soon as the node is there: those who came in the same batch find everybody before them in it, and need not
    /// watch one another.
    /// </summary>
    private void Join(CommitResult entered)
    {
        if (entered.Paths[^1] is { } path && entered.Client is { } client)
        {
            ContenderName waiter = ContenderName.Parse(path[(directory.Path.Length + 1)..])!;
            _place = new Place(waiter, client, options, mayBeHandedOver: companions is null);
            _line = services.Lines.Join(directory.Path, _place);
        }
    }

    /// <summary>Every way out without a grant: what is left of the place is removed. Also if nobody waited any more when it came to be.</summary>
    private void Leave()
    {
        if (_line is not { } line || _place is not { } place)
        {
            return;
        }

        PlaceState until = _concluded ? PlaceState.Claimed : line.Abandon(place);
        if (until is PlaceState.Waiting or PlaceState.Promoting)
        {
            services.Deletes.Delete(directory.Path, directory.Child(place.Name.Name));
        }

        // While a release has it in hand, that one sees that the place was abandoned, and removes what comes of it.
        if (until != PlaceState.Claimed && (place.Hold ?? place.Open) is { } hold)
        {
            Abandon(hold, place.Token);
        }

        services.Lines.Leave(directory.Path, line, place);
        services.Free.Note(directory.Path, free: false);
    }

    private void Abandon(Hold hold, long token) => Granting.Abandon(services, directory, hold, token, isKept: companions is not null);

    private TimeSpan Waited() => services.Clock.GetElapsedTime(arrived);

    private void ThrowIfLateAndDisconnected(Place place)
    {
        if (Waited() >= options.Wait && place.Client.Status.State != SessionState.Connected)
        {
            throw new StoreUnavailableException("ZooKeeper is away, so that nobody can tell whether the lock is held.");
        }
    }

    private static StoreUnavailableException Lost() => new("The place in the lock's queue was lost.");
}
