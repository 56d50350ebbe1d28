using LockService.Recipes.Locking;
using LockService.Recipes.Locking.Events;

namespace LockService.Recipes;

/// <summary>
/// What happens to a lock, as it happens. Events come in order, each once, as long as the stream says nothing else: where some may be missing
/// it has a <see cref="LockEventType.Resync"/> with the state as it is now. Dispose it to stop.
/// </summary>
/// <remarks>
/// The events are for people and programs that want to know; they come a moment after what they tell. Nothing safe can be built on not having
/// heard of something. The stream of one lease tells <see cref="LockEventType.ExpiringSoon"/> and how the lease ended, and is over then. If that
/// happened while nobody could see how, it is told as <see cref="LockEventType.Expired"/>.
/// </remarks>
public sealed class LockEvents : IDisposable
{
    private readonly LockServices _services;
    private readonly Locks _locks;
    private readonly LockFeeds.Listener _listener;
    private readonly string _name;
    private readonly string? _leaseId;
    private readonly string? _holder;
    private long _place;
    private bool _isBehind;

    private LockEvents(LockServices services, Locks locks, LockFeeds.Listener listener, string name, string? leaseId)
    {
        _services = services;
        _locks = locks;
        _listener = listener;
        _name = name;
        _leaseId = leaseId;
        _holder = leaseId is null ? null : LeaseId.CarrierOf(leaseId)?.Holder.Name;
    }

    /// <summary>Whether nothing more will come: the lease has ended.</summary>
    public bool IsOver { get; private set; }

    private EventLog Log => _listener.Feed.Log;

    /// <summary>Waits for the next events.</summary>
    /// <param name="most">How long; more than zero.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>In order; none if nothing happened.</returns>
    /// <exception cref="StoreUnavailableException">What was missed could not be found out; the call may be repeated.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    public async Task<IReadOnlyList<LockEvent>> ReadAsync(TimeSpan most, CancellationToken cancellation)
    {
        (IReadOnlyList<LockEvent>? events, Task grown) = Log.Behind(_place);
        if (!_isBehind && events is { Count: 0 })
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _services.Draining);
            await grown.WaitAsync(most, _services.Clock, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
            (events, _) = Log.Behind(_place);
        }

        if (_services.Draining.IsCancellationRequested)
        {
            throw new DrainingException();
        }

        if (_isBehind || events is null)
        {
            return await CatchUpAsync(cancellation).ConfigureAwait(false);
        }

        LockEvent[] next = [.. events.TakeWhile(one => one.Type != LockEventType.Resync)];
        _place += next.Length;
        _isBehind = next.Length < events.Count;
        return _holder is null ? next : OfLease(next);
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    /// <summary>Opens a stream.</summary>
    /// <param name="services">The recipe's.</param>
    /// <param name="locks">Reads the state.</param>
    /// <param name="feeds">Where the events come from.</param>
    /// <param name="name">The lock.</param>
    /// <param name="leaseId">Whose events alone are wanted; null for all.</param>
    /// <param name="lastEventId">Where an earlier stream ended; null if there was none.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null if the lease has ended.</returns>
    internal static async Task<LockEvents?> OpenAsync(
        LockServices services, Locks locks, LockFeeds feeds, string name, string? leaseId, string? lastEventId, CancellationToken cancellation)
    {
        LockFeeds.Listener listener = feeds.Listen(name);
        try
        {
            await GoLiveAsync(services, listener, cancellation).ConfigureAwait(false);
            EventLog log = listener.Feed.Log;
            long? place = leaseId is null ? log.PlaceBehind(lastEventId) : log.End;
            if (leaseId is null || await locks.GetLeaseAsync(leaseId, cancellation).ConfigureAwait(false) is not null)
            {
                return new LockEvents(services, locks, listener, name, leaseId) { _place = place ?? log.End, _isBehind = place is null };
            }
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        listener.Dispose();
        return null;
    }

    private static async Task GoLiveAsync(LockServices services, LockFeeds.Listener listener, CancellationToken cancellation)
    {
        try
        {
            await listener.Feed.Live.WaitAsync(services.Options.StoreDeadline, services.Clock, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new StoreUnavailableException("ZooKeeper could not be asked in time.", e);
        }
    }

    /// <summary>Some events may be missing: reads what they would have told.</summary>
    private async Task<IReadOnlyList<LockEvent>> CatchUpAsync(CancellationToken cancellation)
    {
        long place = Log.End;
        IReadOnlyList<LockEvent> told;
        if (_leaseId is null)
        {
            LockState state = await _locks.GetAsync(_name, cancellation).ConfigureAwait(false);
            told = [new LockEvent(LockEventType.Resync, _name) { Id = Log.IdOf(place), State = state }];
        }
        else
        {
            IsOver = await _locks.GetLeaseAsync(_leaseId, cancellation).ConfigureAwait(false) is null;
            told = IsOver ? [new LockEvent(LockEventType.Expired, _name) { Id = Log.IdOf(place) }] : [];
        }

        (_place, _isBehind) = (place, false);
        return told;
    }

    private List<LockEvent> OfLease(IEnumerable<LockEvent> events)
    {
        var own = new List<LockEvent>();
        foreach (LockEvent next in events.Where(one => one.Contender == _holder))
        {
            bool isEnd = next.Type is LockEventType.Released or LockEventType.Expired or LockEventType.Broken;
            if (isEnd || next.Type == LockEventType.ExpiringSoon)
            {
                own.Add(next);
            }

            IsOver |= isEnd;
        }

        return own;
    }
}
