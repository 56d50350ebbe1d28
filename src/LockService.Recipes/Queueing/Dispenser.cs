using System.Globalization;
using System.Text;
using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Takes messages of one queue for all callers of this instance who want some, in the order of their arrival. One look at the queue serves
/// all of them, and one unit leases what they get; without it they would all reach for the same oldest message.
/// </summary>
internal sealed class Dispenser
{
    /// <summary>Messages taken at once; two operations each, which leaves room in a batch for others.</summary>
    private const int MaxTaken = 90;

    /// <summary>How often the queue is looked at although nothing was heard of it: a watch may be late, and messages come to their ends.</summary>
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(1);

    /// <summary>For how long the queue is followed although nobody wants anything.</summary>
    private static readonly TimeSpan s_following = TimeSpan.FromSeconds(2);

    /// <summary>Refusals in a row after which the others are asked to give way.</summary>
    private const int MaxRefusals = 2;

    /// <summary>
    /// For how long nothing is taken here after another instance has asked for its turn: several times what it takes to look and to lease, and
    /// still little for those who wait here if the other one has gone.
    /// </summary>
    private static readonly TimeSpan s_givingWay = TimeSpan.FromMilliseconds(20);

    private readonly LocalQueue _queue;
    private readonly QueueServices _services;
    private readonly DeliveryMoves _moves;
    private readonly ReadyWindow _window;
    private readonly Leasing _leasing;
    private readonly QueueFollower _follower;
    private readonly Lock _gate = new();
    private readonly List<Taker> _takers = [];
    private TaskCompletionSource _signal = NewSignal();
    private bool _running;
    private bool _mustLook;
    private long _lastWanted;
    private int _refusals;
    private long _servedAt;
    private long _givesWayUntil = long.MinValue;
    private int? _returnsHeard;

    internal Dispenser(LocalQueue queue, QueueServices services, DeliveryMoves moves)
    {
        _queue = queue;
        _services = services;
        _moves = moves;
        _window = new ReadyWindow(queue, services);
        _leasing = new Leasing(services, moves);
        _follower = new QueueFollower(queue, _window, services, Signal, HearReturns, IsWanted);
    }

    /// <summary>Whether nobody wants anything.</summary>
    internal bool IsIdle
    {
        get
        {
            lock (_gate)
            {
                return !_running;
            }
        }
    }

    /// <summary>Joins those who want messages.</summary>
    internal void Add(Taker taker)
    {
        lock (_gate)
        {
            _takers.Add(taker);
            _signal.TrySetResult();
            _lastWanted = _services.Clock.GetTimestamp();
            if (_running)
            {
                return;
            }

            _running = true;
            _servedAt = _lastWanted;
        }

        // What others did while nobody listened is not known.
        _mustLook |= _follower.Start();
        _ = RunAsync();
    }

    /// <summary>Messages were enqueued here.</summary>
    internal void Enqueued(EnqueueRound round, long committedAtMs)
    {
        _window.Enqueued(round, committedAtMs);
        Signal();
    }

    /// <summary>Messages were made ready again here, in one unit.</summary>
    internal void Returned(string life, IReadOnlyList<ReadyMessage> messages)
    {
        _window.Returned(life, messages);
        Signal();
    }

    /// <summary>Whoever waits looks again.</summary>
    internal void Signal()
    {
        lock (_gate)
        {
            _signal.TrySetResult();
        }
    }

    /// <summary>The count of returns was read. Perhaps it was another instance that asked for its turn, by saying how long it has had nothing.</summary>
    private void HearReturns(NodeData returns)
    {
        lock (_gate)
        {
            bool isNews = _returnsHeard is { } heard && heard != returns.Stat.Version;
            _returnsHeard = returns.Stat.Version;
            if (isNews && long.TryParse(returns.Data.Span, NumberStyles.None, CultureInfo.InvariantCulture, out long waitedMs) && waitedMs > WaitedMs())
            {
                _givesWayUntil = _services.Clock.GetTimestamp() + (long)(s_givingWay.TotalSeconds * _services.Clock.TimestampFrequency);
            }
        }
    }

    private bool IsWanted()
    {
        lock (_gate)
        {
            return _running || _services.Clock.GetElapsedTime(_lastWanted) < s_following;
        }
    }

    private async Task RunAsync()
    {
        while (Present(out Task signal) is { Count: > 0 } takers)
        {
            try
            {
                await ServeAsync(takers, signal).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                _window.Reset();
                takers.ForEach(taker => taker.Fail(e));
            }
        }
    }

    /// <summary>Those who still want messages.</summary>
    /// <param name="signal">Tells of whoever comes, and of whatever happens, from now on.</param>
    private List<Taker> Present(out Task signal)
    {
        lock (_gate)
        {
            _signal = NewSignal();
            signal = _signal.Task;
            _takers.RemoveAll(taker => taker.Answer.IsCompleted);
            _running = _takers.Count > 0;
            return [.. _takers];
        }
    }

    /// <summary>Takes what is there; if that is nothing, waits until there may be something.</summary>
    private async Task ServeAsync(List<Taker> takers, Task signal)
    {
        bool look = _mustLook;
        _mustLook = false;
        if (await TakeAsync(takers, latest: false, refresh: look).ConfigureAwait(false))
        {
            return;
        }

        long now = _services.Clock.GetTimestamp();
        if (takers.FindAll(taker => taker.WaitsUntil <= now) is { Count: > 0 } late)
        {
            // Nobody is told that there is nothing before a look, begun after he came, that sees every change acknowledged before.
            if (await TakeAsync(takers, latest: true, refresh: true).ConfigureAwait(false))
            {
                return;
            }

            late.ForEach(taker => taker.GiveNothing());
            takers.RemoveAll(taker => taker.Answer.IsCompleted);
        }

        if (takers.Count > 0)
        {
            await WaitAsync(takers, signal).ConfigureAwait(false);
        }
    }

    /// <summary>Looks and takes, until it has taken something or nothing is ready.</summary>
    /// <returns>False if nothing is ready.</returns>
    private async Task<bool> TakeAsync(List<Taker> takers, bool latest, bool refresh)
    {
        var ready = new List<ReadyMessage>();
        while (true)
        {
            await GiveWayAsync().ConfigureAwait(false);
            takers.RemoveAll(taker => taker.Answer.IsCompleted);
            int wanted = Math.Min(MaxTaken, takers.Sum(taker => taker.Max));
            if (wanted == 0)
            {
                _window.PutBack(ready);
                return true;
            }

            if (refresh || _window.Tail is null)
            {
                // What was taken out of the window is found again if it has to be read anew.
                _window.PutBack(ready);
                ready.Clear();
                if (!await ReadAsync((client, token) => _window.RefreshAsync(client, latest, token)).ConfigureAwait(false))
                {
                    return false;
                }
            }

            Take(Math.Max(0, wanted - ready.Count), ready, out int? toLoad);
            refresh = false;
            if (_window.Tail is null)
            {
                // What was heard meanwhile left nothing of what was known.
                ready.Clear();
            }
            else if (toLoad is { } priority)
            {
                // A segment is read as a whole, with what was taken out of the window and is not leased yet.
                _window.PutBack(ready);
                ready.Clear();
                refresh = !await ReadAsync((client, token) => _window.LoadAsync(client, priority, token)).ConfigureAwait(false);
            }
            else if (ready.Count > 0)
            {
                if (await TryLeaseAsync(ready, takers).ConfigureAwait(false))
                {
                    return true;
                }

                ready.Clear();
            }
            else
            {
                return false;
            }
        }
    }

    private void Take(int max, List<ReadyMessage> ready, out int? toLoad)
    {
        var expired = new List<ReadyMessage>();
        ready.AddRange(_window.Take(max, expired, out toLoad));
        if (expired.Count > 0)
        {
            _ = _moves.ExpireAsync(_window.Tail!.Tree, expired);
        }
    }

    private async Task<bool> TryLeaseAsync(List<ReadyMessage> ready, List<Taker> takers)
    {
        switch (await _leasing.TryLeaseAsync(_window.Tail!, Assign(ready, takers)).ConfigureAwait(false))
        {
            case LeasingResult.Leased:
                _refusals = 0;
                lock (_gate)
                {
                    _servedAt = _services.Clock.GetTimestamp();
                }

                return true;
            case LeasingResult.Taken when ++_refusals >= MaxRefusals:
                _refusals = 0;
                await AskForTurnAsync(_window.Tail!.Tree).ConfigureAwait(false);
                break;
            case LeasingResult.NotTheirFault:
                _window.PutBack(ready);
                return false;
            case LeasingResult.QueueRemoved:
                _queue.Forget(_window.Tail!);
                break;
        }

        // Another instance took one of them, or it is gone, or nobody knows: look again.
        _window.Reset();
        return false;
    }

    /// <summary>The first comer gets the first messages, as many as he wants.</summary>
    private List<TakenMessage> Assign(List<ReadyMessage> ready, List<Taker> takers)
    {
        QueueTree tree = _window.Tail!.Tree;
        var assigned = new List<TakenMessage>();
        foreach (Taker taker in takers)
        {
            foreach (ReadyMessage message in ready.Skip(assigned.Count).Take(taker.Max))
            {
                DeliveryId id = DeliveryId.New(tree.Life, message.Name);
                var record = new DeliveryRecord
                {
                    Secret = id.Secret,
                    LeaseMs = (long)taker.Lease.TotalMilliseconds,
                    DeliveryCount = message.DeliveryCount + 1,
                };
                assigned.Add(new TakenMessage(taker, message, tree, id, message.DeliveryVersion is { } seen ? seen + 1 : 0, record));
            }
        }

        return assigned;
    }

    /// <summary>Waits for a sign that there may be something, from here or from the follower; if none comes for long, looks all the same.</summary>
    private async Task WaitAsync(List<Taker> takers, Task signal)
    {
        long nearest = takers.Min(taker => taker.WaitsUntil);
        TimeSpan left = _services.Clock.GetElapsedTime(_services.Clock.GetTimestamp(), nearest);
        TimeSpan pause = left < s_lookAgain ? left : s_lookAgain;
        if (pause > TimeSpan.Zero)
        {
            using var awake = new CancellationTokenSource();
            Task first = await Task.WhenAny(signal, Task.Delay(pause, _services.Clock, awake.Token)).ConfigureAwait(false);
            await awake.CancelAsync().ConfigureAwait(false);
            _mustLook |= first != signal;
        }
    }

    /// <summary>
    /// Others that take all the time never let this instance's view be right: those who have had something since this one had are asked to give
    /// way, and have to look anew. So whoever has had nothing for longest is the next.
    /// </summary>
    private async Task AskForTurnAsync(QueueTree tree)
    {
        byte[] waitedMs;
        lock (_gate)
        {
            waitedMs = Encoding.ASCII.GetBytes(WaitedMs().ToString(CultureInfo.InvariantCulture));
        }

        try
        {
            CommitUnit unit = tree.NewUnit().Touch(tree.Returns, waitedMs);
            if ((await _services.Lanes.CommitAsync(unit, _services.Lanes.NewDeadline(), CancellationToken.None).ConfigureAwait(false)).Committed)
            {
                _window.Touched();
            }
        }
        catch (CoordinationException)
        {
            // The next refusal asks again.
        }
    }

    /// <summary>How long those who want messages here have had none. Own requests are never longer than that.</summary>
    private long WaitedMs() => (long)_services.Clock.GetElapsedTime(_servedAt).TotalMilliseconds;

    private async Task GiveWayAsync()
    {
        long until;
        lock (_gate)
        {
            until = _givesWayUntil;
        }

        long now = _services.Clock.GetTimestamp();
        if (until > now)
        {
            await Task.Delay(_services.Clock.GetElapsedTime(now, until), _services.Clock).ConfigureAwait(false);
        }
    }

    private Task<T> ReadAsync<T>(Func<ZooKeeperClient, CancellationToken, Task<T>> read) => _services.Store.ReadAsync(read, CancellationToken.None);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
