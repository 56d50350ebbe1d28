using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Queues for several locks: a waiter's node in each of their directories, until all are replaced by holders or given up. Whatever way it
/// ends without a grant, nothing of it stays.
/// </summary>
/// <remarks>
/// 1. Create the waiters of all locks in one transaction. So two callers stand in the same order in all directories that they share, and
/// whoever waits waits for somebody of an earlier transaction: no circle can arise, and every lock is served in order of arrival.
/// 2. List on the session that owns the waiters. The own nodes must be there: else the place is lost.
/// 3. In one directory after the other, watch the highest contender that blocks, and look again on any event. Nobody comes before him whom
/// nobody blocks any more, unless a closure takes a sharing holder's place: so look at all once more.
/// 4. Blocked in none: replace all waiters by holders, in one transaction. The deletions prove that no place was ever lost.
/// </remarks>
internal sealed class MultiWait(LockServices services, LockSet set, AcquireOptions options, long arrived, GrantCompanions? companions)
{
    /// <summary>Missed events are not expected; this bounds what one would cost.</summary>
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(5);

    private readonly byte[] _record =
        new ContenderRecord { Owner = options.Owner, Since = services.Clock.GetUtcNow(), Instance = services.InstanceId }.ToBytes();

    private bool _concluded;

    /// <summary>The waiters in the order of the locks; null before they were created.</summary>
    internal IReadOnlyList<ContenderName>? Names { get; private set; }

    /// <param name="missing">For each lock whether its directory seems not to exist.</param>
    /// <param name="limit">Everything's, unless the caller gets into the queues.</param>
    /// <param name="cancellation">The caller leaves.</param>
    /// <param name="token">The one or the other.</param>
    /// <returns>Null if the locks did not all become free in time.</returns>
    internal async Task<LockGrant?> RunAsync(bool[] missing, CancellationTokenSource limit, CancellationToken cancellation, CancellationToken token)
    {
        using WaiterSeats.Seats seats = services.Seats.Take(set.Count);
        string[] prefixes = [.. set.Locks.Select(one => ContenderName.NewPrefix(one.Mode, holder: false))];
        Array.ForEach(prefixes, services.Waiters.Add);
        try
        {
            (string[] paths, ZooKeeperClient client) = await EnterAsync(prefixes, seats.Session, missing, token).ConfigureAwait(false);
            Names = [.. paths.Select(path => ContenderName.Parse(path[(path.LastIndexOf('/') + 1)..])!)];
            Place[] places = [.. Names.Select(name => new Place(name, client, options, mayBeHandedOver: false))];
            LockLine[] lines = [.. places.Select((place, i) => services.Lines.Join(set.Directories[i].Path, place))];
            try
            {
                return await StandAsync(lines, places, seats.Session, limit, cancellation, token).ConfigureAwait(false);
            }
            finally
            {
                Leave(lines, places, paths);
            }
        }
        finally
        {
            Array.ForEach(prefixes, services.Waiters.Remove);
        }
    }

    private async Task<(string[] Paths, ZooKeeperClient Client)> EnterAsync(
        string[] prefixes, int session, bool[] missing, CancellationToken token)
    {
        Deadline deadline = services.Lanes.NewDeadline();
        while (true)
        {
            var waiterAt = new int[set.Count];
            var unit = new CommitUnit(set.Resource) { Unclaimed = late => GiveUp(PathsAt(late, waiterAt)) };
            for (int i = 0; i < set.Count; i++)
            {
                if (missing[i])
                {
                    set.Directories[i].AddCreation(unit);
                }

                waiterAt[i] = unit.Operations.Count;
                unit.Create(set.Directories[i].Child(prefixes[i]), _record, CreateMode.EphemeralSequential);
            }

            CommitResult result;
            try
            {
                result = await services.Lanes.CommitWaiterAsync(unit, session, deadline, token).ConfigureAwait(false);
            }
            catch (EffectUnknownException e)
            {
                // Waiters are no effect: if they come to be, they are removed.
                throw new StoreUnavailableException("ZooKeeper could not be reached in time.", e);
            }

            if (!result.Committed)
            {
                await LearnAsync(result, waiterAt, missing, deadline).ConfigureAwait(false);
                continue;
            }

            string[] paths = PathsAt(result, waiterAt);
            if (paths.Length == set.Count && result.Client is { } client)
            {
                return (paths, client);
            }

            GiveUp(paths);
            throw Lost();
        }
    }

    /// <summary>A directory that seemed to exist does not, or the other way round.</summary>
    private async Task LearnAsync(CommitResult refused, int[] waiterAt, bool[] missing, Deadline deadline)
    {
        int index = Array.FindIndex(waiterAt, at => at >= refused.FailedIndex);
        bool directory = waiterAt[index] > refused.FailedIndex;
        if (directory && refused.Error == ErrorCode.NoNode)
        {
            await services.Store.ReadAsync(LockDirectory.EnsureParentAsync(services.Options.Root), deadline).ConfigureAwait(false);
        }
        else if (refused.Error is ErrorCode.NoNode or ErrorCode.NodeExists)
        {
            missing[index] = refused.Error == ErrorCode.NoNode;
        }
        else
        {
            throw new StoreUnavailableException($"ZooKeeper refuses the waiter: {refused.Error}.");
        }
    }

    private async Task<LockGrant?> StandAsync(
        LockLine[] lines, Place[] places, int session, CancellationTokenSource limit, CancellationToken cancellation, CancellationToken token)
    {
        if (Array.Exists(places, place => place.Name.Sequence is < 0 or > QueuedWait.LastSequence))
        {
            throw new StoreUnavailableException("A lock's queue numbers are nearly used up; it must be unused for a minute to begin anew.");
        }

        Contenders[] seen = await LookAsync(lines, places, token).ConfigureAwait(false);

        // Who is in the queues rides out an outage there: the places are kept as long as the session is.
        TimeSpan left = options.Wait + services.Options.StoreDeadline - Waited();
        limit.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        if (Confirmation.IsNeeded(services, null, 0))
        {
            string[] paths = [.. places.Select((place, i) => set.Directories[i].Child(place.Name.Name))];
            await Confirmation.ConfirmAsync(services, set.Resource, session, paths, _record, TimeSpan.Zero, () => false, token).ConfigureAwait(false);
            seen = await LookAsync(lines, places, token).ConfigureAwait(false);
        }

        while (places.Zip(seen).Any(one => one.Second.BlockerOf(one.First.Name) is not null))
        {
            for (int i = 0; i < places.Length; i++)
            {
                while (seen[i].BlockerOf(places[i].Name) is { } blocker)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (Waited() >= options.Wait)
                    {
                        return null;
                    }

                    seen[i] = await WaitForAsync(lines[i], places[i], blocker, set.Directories[i], cancellation, token).ConfigureAwait(false);
                }
            }

            seen = await LookAsync(lines, places, token).ConfigureAwait(false);
        }

        return await PromoteAsync(lines, places, cancellation).ConfigureAwait(false);
    }

    /// <summary>Looks at all directories.</summary>
    private async Task<Contenders[]> LookAsync(LockLine[] lines, Place[] places, CancellationToken token)
    {
        Contenders[] seen = await set.ListAsync(places[0].Client, latest: false, token).ConfigureAwait(false);
        for (int i = 0; i < places.Length; i++)
        {
            await TakeInAsync(lines[i], places[i], seen[i], set.Directories[i], token).ConfigureAwait(false);
        }

        return seen;
    }

    /// <summary>Waits until the contender may have left, and looks again.</summary>
    private async Task<Contenders> WaitForAsync(
        LockLine line, Place place, ContenderName blocker, LockDirectory directory, CancellationToken cancellation, CancellationToken token)
    {
        // getData and not exists: on a node that is gone it leaves no watch behind.
        Watched<NodeData>? watched = await SharedReads
            .AgainAsync(t => place.Client.WatchDataAsync(directory.Child(blocker.Name), t), token).ConfigureAwait(false);
        using Watch? watch = watched?.Watch;
        TimeSpan left = options.Wait - Waited();
        if (watch is not null && left > TimeSpan.Zero)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, services.Draining);
            try
            {
                await watch.Changed.WaitAsync(left < s_lookAgain ? left : s_lookAgain, services.Clock, stop.Token).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // Look all the same.
            }
        }

        if (Waited() >= options.Wait && place.Client.Status.State != SessionState.Connected)
        {
            throw new StoreUnavailableException("ZooKeeper is away, so that nobody can tell whether the locks are held.");
        }

        DirectoryListing? listing = await SharedReads
            .AgainAsync(t => services.Reads.ListAsync(place.Client, directory.Path, latest: false, t), token).ConfigureAwait(false);
        var seen = new Contenders(listing);
        await TakeInAsync(line, place, seen, directory, token).ConfigureAwait(false);
        return seen;
    }

    /// <summary>Gives a listing to those who wait here too, and has the leases timed that stand in the way.</summary>
    private async Task TakeInAsync(LockLine line, Place place, Contenders seen, LockDirectory directory, CancellationToken token)
    {
        if (!line.TakeIn(place, seen))
        {
            throw Lost();
        }

        await new LockReader(services).ObserveAsync(place.Client, directory, seen.TimedBlocking(place.Name), token).ConfigureAwait(false);
    }

    /// <summary>Nobody blocks us anywhere: takes the locks.</summary>
    private async Task<LockGrant> PromoteAsync(LockLine[] lines, Place[] places, CancellationToken cancellation)
    {
        Hold[] holds = set.NewHolds(options, [.. places.Select(place => place.Name.Sequence)]);
        var unit = new CommitUnit(set.Resource) { Unclaimed = late => set.Abandon(holds, late.Zxid, isKept: companions is not null) };
        for (int i = 0; i < places.Length; i++)
        {
            set.AddCreation(unit.Delete(set.Directories[i].Child(places[i].Name.Name), -1), i, holds[i]);
        }

        int companionsAt = unit.Operations.Count;
        unit.Add(companions?.Invoke(holds[0].ToGrant(set.Locks[0].Name, 0, arrived, services.Clock)));
        TimeSpan left = options.Wait - Waited();
        var deadline = Deadline.After((left > TimeSpan.Zero ? left : TimeSpan.Zero) + services.Options.StoreDeadline, services.Clock);
        CommitResult result = await services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
        if (!result.Committed)
        {
            throw result.FailedIndex >= companionsAt ? new CompanionRefusedException(result, companionsAt)
                : result.Error == ErrorCode.NoNode ? Lost()
                : new StoreUnavailableException($"ZooKeeper refuses the grant: {result.Error}.");
        }

        set.Observe(holds, result.Zxid);
        for (int i = 0; i < places.Length; i++)
        {
            lines[i].Grant([(places[i], holds[i])], released: null, result.Zxid);
        }

        // Tells the caller of the grant, or gives it back: either way nothing is left to be removed.
        _concluded = true;
        return set.Conclude(holds, result.Zxid, arrived, companions is not null, cancellation);
    }

    /// <summary>Every way out without a grant: what is left of the places is removed.</summary>
    private void Leave(LockLine[] lines, Place[] places, string[] paths)
    {
        if (!_concluded)
        {
            GiveUp(paths);
        }

        for (int i = 0; i < places.Length; i++)
        {
            lines[i].Abandon(places[i]);
            services.Lines.Leave(set.Directories[i].Path, lines[i], places[i]);
            services.Free.Note(set.Directories[i].Path, free: false);
        }
    }

    private void GiveUp(string[] paths) => services.Deletes.Delete(set.Resource, paths);

    /// <summary>The nodes that a unit created at these of its operations, as far as their names are known.</summary>
    private static string[] PathsAt(CommitResult result, int[] operations) => [.. operations.Select(at => result.Paths[at]).OfType<string>()];

    private TimeSpan Waited() => services.Clock.GetElapsedTime(arrived);

    private static StoreUnavailableException Lost() => new("The place in a lock's queue was lost.");
}
