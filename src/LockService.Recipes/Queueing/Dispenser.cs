using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Takes messages of one queue for all callers of this instance who want some, in the order of their arrival. One look at the queue serves
/// all of them; without it they would all reach for the same oldest message.
/// </summary>
internal sealed class Dispenser(QueueTree tree, QueueServices services, DeliveryLease leases)
{
    /// <summary>Messages taken at once; two operations each, which is what a batch holds.</summary>
    private const int MaxTaken = 100;

    /// <summary>
    /// How often the queue is looked at although nothing was heard of it: messages that another instance gave back change no list of
    /// children, and a watch may be late.
    /// </summary>
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(1);

    private readonly QueueView _view = new(tree, leases);
    private readonly Lock _gate = new();
    private readonly List<Taker> _takers = [];
    private TaskCompletionSource _signal = NewSignal();
    private bool _running;
    private bool _retired;

    /// <summary>Joins those who want messages; false if this dispenser is no longer in use.</summary>
    internal bool TryAdd(Taker taker)
    {
        lock (_gate)
        {
            if (_retired)
            {
                return false;
            }

            _takers.Add(taker);
            _signal.TrySetResult();
            if (_running)
            {
                return true;
            }

            _running = true;
        }

        _ = RunAsync();
        return true;
    }

    /// <summary>There may be a message.</summary>
    internal void Signal()
    {
        lock (_gate)
        {
            _signal.TrySetResult();
        }
    }

    /// <summary>Called once when nobody wants anything any more; the dispenser is not in use from then on.</summary>
    internal Action<Dispenser>? Retired { get; init; }

    private async Task RunAsync()
    {
        while (Present() is { Count: > 0 } takers)
        {
            try
            {
                await ServeAsync(takers).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                takers.ForEach(taker => taker.Fail(e));
            }
        }

        Retired?.Invoke(this);
    }

    /// <summary>Those who still want messages; with none of them left the dispenser is out of use.</summary>
    private List<Taker> Present()
    {
        lock (_gate)
        {
            _takers.RemoveAll(taker => taker.Answer.IsCompleted);
            _retired = _takers.Count == 0;
            return [.. _takers];
        }
    }

    /// <summary>Takes what is there; if that is nothing, waits until there may be something.</summary>
    private async Task ServeAsync(List<Taker> takers)
    {
        Task signal = ListenAnew();
        if (await TakeAsync(takers).ConfigureAwait(false))
        {
            return;
        }

        // The list was seen to be empty after each of them had come.
        long now = services.Clock.GetTimestamp();
        takers.Where(taker => taker.WaitsUntil <= now).ToList().ForEach(taker => taker.GiveNothing());
        takers.RemoveAll(taker => taker.Answer.IsCompleted);
        if (takers.Count == 0)
        {
            return;
        }

        using Watch watch = await services.Store.ReadAsync(_view.WatchAsync, CancellationToken.None).ConfigureAwait(false);
        if (!await TakeAsync(takers).ConfigureAwait(false))
        {
            await WaitAsync(takers, watch.Changed, signal).ConfigureAwait(false);
        }
    }

    /// <summary>Looks and takes, until it has taken something or nothing is ready.</summary>
    /// <returns>False if nothing is ready.</returns>
    private async Task<bool> TakeAsync(List<Taker> takers)
    {
        while (true)
        {
            takers.RemoveAll(taker => taker.Answer.IsCompleted);
            int wanted = Math.Min(MaxTaken, takers.Sum(taker => taker.Max));
            if (wanted == 0)
            {
                return true;
            }

            IReadOnlyList<ReadyMessage> ready = await services.Store.ReadAsync(
                (client, token) => _view.FindReadyAsync(client, wanted, token), CancellationToken.None).ConfigureAwait(false);
            if (ready.Count == 0)
            {
                return false;
            }

            if (await TryLeaseAsync(Assign(ready, takers)).ConfigureAwait(false))
            {
                return true;
            }

            // Another instance took one of them, or it was acknowledged since our look: look again.
        }
    }

    /// <summary>The first comer gets the oldest messages, as many as he wants.</summary>
    private List<(ReadyMessage Seen, TakenMessage Taken)> Assign(IReadOnlyList<ReadyMessage> ready, List<Taker> takers)
    {
        var assigned = new List<(ReadyMessage Seen, TakenMessage Taken)>();
        foreach (Taker taker in takers)
        {
            foreach (ReadyMessage message in ready.Skip(assigned.Count).Take(taker.Max))
            {
                DeliveryId id = DeliveryId.New(message.Name);
                var record = new DeliveryRecord
                {
                    Secret = id.Secret,
                    LeaseMs = (long)taker.Lease.TotalMilliseconds,
                    DeliveryCount = message.DeliveryCount + 1,
                };
                int version = message.DeliveryVersion is { } seen ? seen + 1 : 0;
                assigned.Add((message, new TakenMessage(taker, id, tree.Delivery(message.Name), version, record)));
            }
        }

        return assigned;
    }

    /// <summary>Leases the messages, all or none, and hands them over.</summary>
    private async Task<bool> TryLeaseAsync(List<(ReadyMessage Seen, TakenMessage Taken)> assigned)
    {
        TakenMessage[] taken = [.. assigned.Select(message => message.Taken)];
        var unit = new CommitUnit(tree.Queue) { Unclaimed = result => _ = leases.GiveBackAsync(taken.Where(IsForNobody)) };
        foreach ((ReadyMessage seen, TakenMessage lease) in assigned)
        {
            _ = seen.DeliveryVersion is { } version
                ? unit.SetData(lease.Path, lease.Record.ToBytes(), version)
                : unit.Check(tree.Message(seen.Name), 0).Create(lease.Path, lease.Record.ToBytes(), CreateMode.Persistent);
        }

        foreach (IGrouping<Taker, TakenMessage> share in taken.GroupBy(message => message.For))
        {
            share.Key.Record?.AddTo(unit, QueueOutcome.Of(share.Select(message => message.Id.ToLeaseId())));
        }

        CommitResult result;
        try
        {
            result = await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), CancellationToken.None).ConfigureAwait(false);
        }
        catch (CoordinationException e)
        {
            // Of no concern to those for whom nothing was to be taken.
            Array.ForEach(taken, message => message.For.Fail(e));
            return true;
        }

        if (taken.FirstOrDefault(message => message.For.Record?.Refused(unit, result) == true) is { } repeated)
        {
            repeated.For.Collide();
            return false;
        }

        if (!result.Committed)
        {
            await RecoverAsync(unit, result).ConfigureAwait(false);
            return false;
        }

        Array.ForEach(taken, message => leases.Observe(message.Path, message.Version, message.Record));
        await HandOverAsync(taken).ConfigureAwait(false);
        return true;
    }

    private async Task RecoverAsync(CommitUnit unit, CommitResult refusal)
    {
        switch (refusal.Error)
        {
            case ErrorCode.NoNode when unit.Operations[refusal.FailedIndex] is UnitOperation.Create:
                await services.Store.ReadAsync((client, token) => tree.EnsureAsync(client, tree.Deliveries, token), CancellationToken.None)
                    .ConfigureAwait(false);
                break;
            case ErrorCode.NoNode or ErrorCode.NodeExists or ErrorCode.BadVersion:
                break;
            default:
                throw new StoreUnavailableException($"ZooKeeper refuses to lease a message: {refusal.Error}.");
        }
    }

    /// <summary>Reads the bodies and answers. Messages for somebody who has left go back.</summary>
    private async Task HandOverAsync(TakenMessage[] taken)
    {
        NodeData?[] bodies;
        try
        {
            bodies = await services.Store.ReadAsync(
                (client, token) => Task.WhenAll(taken.Select(message => client.GetDataAsync(tree.Message(message.Id.Message), token))),
                CancellationToken.None).ConfigureAwait(false);
        }
        catch (CoordinationException e)
        {
            _ = leases.GiveBackAsync(taken.Where(IsForNobody));
            Array.ForEach(taken, message => message.For.Fail(
                IsForNobody(message) ? e : new EffectUnknownException("The messages were leased, but could not be read in time.", e)));
            return;
        }

        foreach (IGrouping<Taker, (TakenMessage Taken, NodeData? Body)> share in taken.Zip(bodies).GroupBy(message => message.First.For))
        {
            // A body is missing only if somebody removed it by hand, or if its lease has ended and it was acknowledged already.
            LeasedMessage[] messages = [.. share.Where(message => message.Body is not null).Select(message => Leased(message.Taken, message.Body!))];
            if (!share.Key.TryGive(messages))
            {
                _ = leases.GiveBackAsync(share.Select(message => message.Taken).Where(IsForNobody));
            }
        }
    }

    private static LeasedMessage Leased(TakenMessage taken, NodeData body) =>
        LeasedMessage.Of(taken.Id, body, taken.Record.DeliveryCount, taken.For.Lease);

    /// <summary>Whether nobody can get it once its taker has left. Who has a key may ask again, and is then told of the very same leases.</summary>
    private static bool IsForNobody(TakenMessage message) => message.For.Record is null;

    private Task ListenAnew()
    {
        lock (_gate)
        {
            _signal = NewSignal();
            return _signal.Task;
        }
    }

    private async Task WaitAsync(List<Taker> takers, Task changed, Task signal)
    {
        long nearest = takers.Min(taker => taker.WaitsUntil);
        TimeSpan left = services.Clock.GetElapsedTime(services.Clock.GetTimestamp(), nearest);
        TimeSpan pause = left < s_lookAgain ? left : s_lookAgain;
        if (pause > TimeSpan.Zero)
        {
            using var awake = new CancellationTokenSource();
            await Task.WhenAny(changed, signal, Task.Delay(pause, services.Clock, awake.Token)).ConfigureAwait(false);
            await awake.CancelAsync().ConfigureAwait(false);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
