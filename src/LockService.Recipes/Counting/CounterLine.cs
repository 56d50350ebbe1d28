using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Counting;

/// <summary>
/// The changes of one counter that this instance serves, in order of arrival. One write is under way at a time; all that arrive
/// meanwhile travel in the next one. That is what makes a hot counter fast, and collisions between instances rare.
/// </summary>
internal sealed class CounterLine(string path, CommitLanes lanes, StoreCalls store, TimeProvider clock)
{
    /// <summary>Callers in one line, those included who have left while a write is under way.</summary>
    private const int MaxWaiting = 20_000;

    /// <summary>Changes that share one write; a caller who comes later is not kept waiting for the arithmetic of more.</summary>
    private const int MaxRound = 2_000;

    /// <summary>Changes with a record that share one write: each adds an operation, and a batch holds 200.</summary>
    private const int MaxRecords = 150;

    /// <summary>
    /// How long the last state is trusted enough to build a change on it without reading. The change is conditional on its version, and
    /// the versions of a removed counter go on; but who deletes the node itself, past the service, lets them begin again.
    /// </summary>
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Queue<CounterChange> _waiting = [];
    private readonly List<CounterChange> _round = [];
    private bool _running;
    private bool _retired;

    private CounterNode? _known;
    private long _knownAt;

    /// <summary>Joins the line; false if the line is no longer in use.</summary>
    internal bool TryAdd(CounterChange change)
    {
        lock (_gate)
        {
            if (_retired)
            {
                return false;
            }

            if (_waiting.Count >= MaxWaiting)
            {
                change.Fail(new StoreUnavailableException("Too many changes of this counter wait already."));
                return true;
            }

            _waiting.Enqueue(change);
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
        while (TakeRound())
        {
            try
            {
                await ServeAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _known = null;
                _round.ForEach(change => change.Fail(e));
            }
        }
    }

    private bool TakeRound()
    {
        _round.Clear();
        lock (_gate)
        {
            bool complete = false;
            int records = 0;
            while (!complete && _waiting.TryDequeue(out CounterChange? change))
            {
                _round.Add(change);
                records += change.Record is null ? 0 : 1;
                complete = change.IsLast || _round.Count == MaxRound || records == MaxRecords;
            }

            return _running = _round.Count > 0;
        }
    }

    /// <summary>Carries out the changes of a round in one write, as often as it takes to be the one who changes the counter.</summary>
    private async Task ServeAsync()
    {
        while (DropAnswered())
        {
            // All waited equally long at most, so the first is the first whose time is over.
            Deadline deadline = _round[0].Deadline;
            bool trusted = _known is not null && clock.GetElapsedTime(_knownAt) < s_fresh;
            CounterNode present = trusted ? _known!.Value : await ReadAsync(deadline).ConfigureAwait(false);
            (long? value, bool changed) = Apply(present);
            CommitUnit? unit = UnitFor(present, value, changed, trusted);
            CommitResult? written = unit is null ? null : await lanes.CommitAsync(unit, deadline, CancellationToken.None).ConfigureAwait(false);
            if (written is null or { Committed: true })
            {
                Know(written is not null && changed ? present.After(value, written) : present);
                _round.ForEach(change => change.Settle(written));
                return;
            }

            if (_round.Find(change => change.Record?.Refused(unit!, written) == true) is { } repeated)
            {
                repeated.Collide();
                continue;
            }

            _known = null;
            await RecoverAsync(written, present, deadline).ConfigureAwait(false);
        }
    }

    /// <returns>Whether anybody still waits.</returns>
    private bool DropAnswered()
    {
        int left = 0;
        for (int i = 0; i < _round.Count; i++)
        {
            CounterChange change = _round[i];
            if (change.Deadline.HasPassed(clock))
            {
                change.Fail(new StoreUnavailableException("Others kept changing the counter until the time was over."));
            }

            if (!change.IsAnswered)
            {
                _round[left++] = change;
            }
        }

        _round.RemoveRange(left, _round.Count - left);
        return left > 0;
    }

    /// <returns>The value after all changes, null for no counter, and whether any of them changed it.</returns>
    private (long? Value, bool Changed) Apply(CounterNode present)
    {
        CounterContent content = present.Content;
        bool changed = false;
        foreach (CounterChange change in _round)
        {
            changed |= change.Apply(ref content);
        }

        return (content.Value, changed);
    }

    /// <returns>Null if there is nothing to change, and nothing to make sure of.</returns>
    private CommitUnit? UnitFor(CounterNode present, long? value, bool changed, bool trusted)
    {
        CommitUnit? unit = null;
        if (changed && (value is not null || present.Version is not null))
        {
            unit = present.ChangeTo(value, path);
        }
        else if (trusted)
        {
            // A refusal must not rest on a state that somebody else may have changed long ago.
            unit = new CommitUnit(path).Check(path, present.Version!.Value);
        }

        foreach (CounterChange change in _round.Where(change => change is { Record: not null, IsEffective: true }))
        {
            change.Record!.AddTo(unit ??= new CommitUnit(path), change.ToOutcome());
        }

        return unit;
    }

    private async Task RecoverAsync(CommitResult refusal, CounterNode present, Deadline deadline)
    {
        switch (refusal.Error)
        {
            case ErrorCode.BadVersion or ErrorCode.NodeExists or ErrorCode.NotEmpty:
            case ErrorCode.NoNode when present.Version is not null:
                // Somebody else changed, created, removed or extended it: read it again.
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

    private void Know(CounterNode node) => (_known, _knownAt) = (node.CanBeTrusted ? node : null, clock.GetTimestamp());
}
