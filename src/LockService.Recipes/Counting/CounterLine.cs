using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Counting;

/// <summary>
/// The increments of one counter that this instance serves, in order of arrival. One change is under way at a time; all that arrive
/// meanwhile travel in the next one. That is what makes a hot counter fast, and collisions between instances rare.
/// </summary>
internal sealed class CounterLine(string path, CommitLanes lanes, StoreCalls store, TimeProvider clock)
{
    private const int MaxWaiting = 20_000;

    /// <summary>
    /// How long the last value is trusted enough to build a change on it without reading. The change is conditional anyhow; but a node
    /// that was deleted and made again counts its versions from 0 again.
    /// </summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private List<Increment> _waiting = [];
    private bool _running;
    private bool _retired;

    private CounterNode? _known;
    private long _knownAt;

    /// <summary>Joins the line; false if the line is no longer in use.</summary>
    internal bool TryAdd(Increment increment)
    {
        lock (_gate)
        {
            if (_retired)
            {
                return false;
            }

            if (_waiting.Count >= MaxWaiting)
            {
                increment.Fail(new StoreUnavailableException("Too many increments of this counter wait already."));
                return true;
            }

            _waiting.Add(increment);
            if (_running)
            {
                return true;
            }

            _running = true;
        }

        _ = RunAsync();
        return true;
    }

    /// <summary>Takes the line out of use if nobody stands in it.</summary>
    internal bool TryRetire()
    {
        lock (_gate)
        {
            return _retired |= !_running;
        }
    }

    private async Task RunAsync()
    {
        while (TakeRound() is { } round)
        {
            try
            {
                await ServeAsync(round).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _known = null;
                round.ForEach(increment => increment.Fail(e));
            }
        }
    }

    private List<Increment>? TakeRound()
    {
        lock (_gate)
        {
            _running = _waiting.Count > 0;
            List<Increment> round = _waiting;
            _waiting = [];
            return _running ? round : null;
        }
    }

    /// <summary>Carries out the increments of a round in one change, as often as it takes to be the one who changes the counter.</summary>
    private async Task ServeAsync(List<Increment> round)
    {
        while (true)
        {
            FailOverdue(round);
            round.RemoveAll(increment => increment.Answer.IsCompleted);
            if (round.Count == 0)
            {
                return;
            }

            // All waited equally long at most, so the first is the first whose time is over.
            Deadline deadline = round[0].Deadline;
            bool trusted = _known is not null && clock.GetElapsedTime(_knownAt) < s_fresh;
            CounterNode present = trusted ? _known!.Value : await ReadAsync(deadline).ConfigureAwait(false);
            (IncrementResult[] results, long? value) = Apply(round, present.Value);
            CommitResult? outcome = await ChangeAsync(present, value, trusted, deadline).ConfigureAwait(false);
            if (outcome is null or { Committed: true })
            {
                Know(value is { } changed ? present.After(changed) : present);
                for (int i = 0; i < results.Length; i++)
                {
                    round[i].Settle(results[i]);
                }

                return;
            }

            _known = null;
            await RecoverAsync(outcome, present, deadline).ConfigureAwait(false);
        }
    }

    private void FailOverdue(List<Increment> round)
    {
        foreach (Increment increment in round.Where(increment => increment.Deadline.HasPassed(clock)))
        {
            increment.Fail(new StoreUnavailableException("Others kept changing the counter until the time was over."));
        }
    }

    /// <returns>What each gets, and the value to write; null if none changes anything.</returns>
    private static (IncrementResult[] Results, long? Value) Apply(List<Increment> round, long? present)
    {
        var results = new IncrementResult[round.Count];
        long? value = null;
        for (int i = 0; i < results.Length; i++)
        {
            results[i] = round[i].ApplyTo(value ?? present);
            value = results[i].InRange ? results[i].Value : value;
        }

        return (results, value);
    }

    /// <returns>Null if there is nothing to change, and nothing to make sure of.</returns>
    private async Task<CommitResult?> ChangeAsync(CounterNode present, long? value, bool trusted, Deadline deadline)
    {
        if (value is null && !trusted)
        {
            return null;
        }

        // A refusal out of bounds must not rest on a value that somebody else may have changed long ago.
        CommitUnit unit = value is { } changed ? present.ChangeTo(changed, path) : new CommitUnit(path).Check(path, present.Version!.Value);
        return await lanes.CommitAsync(unit, deadline, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task RecoverAsync(CommitResult refusal, CounterNode present, Deadline deadline)
    {
        switch (refusal.Error)
        {
            case ErrorCode.BadVersion or ErrorCode.NodeExists:
            case ErrorCode.NoNode when present.Version is not null:
                // Somebody else changed, created or removed it: read it again.
                return;
            case ErrorCode.NoNode:
                await store.ReadAsync(EnsureParentAsync, deadline).ConfigureAwait(false);
                return;
            default:
                throw new StoreUnavailableException($"ZooKeeper refuses to change the counter: {refusal.Error}.");
        }
    }

    private async Task<bool> EnsureParentAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        string parent = path[..path.LastIndexOf('/')];
        await NodeTree.EnsureAsync(client, parent, CreateMode.Persistent, "counters"u8.ToArray(), cancellation).ConfigureAwait(false);
        return true;
    }

    private async Task<CounterNode> ReadAsync(Deadline deadline) => CounterNode.Parse(
        await store.ReadAsync((client, token) => CounterNode.ReadInSyncAsync(client, path, token), deadline).ConfigureAwait(false));

    private void Know(CounterNode node) => (_known, _knownAt) = (node.Version is null ? null : node, clock.GetTimestamp());
}
