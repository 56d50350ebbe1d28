using System.Security.Cryptography;
using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Leases;
using LockService.Recipes.Locking;
using LockService.Recipes.Locking.Events;
using LockService.Recipes.Queueing;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes;

/// <summary>One instance of the coordination service: its ZooKeeper sessions and the recipes on them.</summary>
public sealed class Coordination : IAsyncDisposable
{
    private readonly CoordinationOptions _options;
    private readonly CancellationTokenSource _draining = new();
    private readonly SessionKeeper _sessions;
    private readonly CommitLanes _lanes;
    private readonly LeaseObserver _leases;
    private readonly GuaranteedDeletes _deletes;
    private readonly WaiterReconciler _waiters;
    private readonly FreeDirectories _free;
    private readonly LockFeeds _feeds;
    private readonly InstanceRegistry _registry;
    private readonly RecordSweeper _records;
    private readonly SharedClock _time;
    private readonly Delays _delays;
    private int _disposed;

    /// <summary>Starts to connect in the background; returns at once, whether or not ZooKeeper can be reached.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="clock">Source of all time.</param>
    /// <param name="logs">Receives what happens; never lease ids, bodies or passwords.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public Coordination(CoordinationOptions options, TimeProvider clock, ILoggerFactory logs)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(logs);
        options.ThrowIfInvalid();
        _options = options;
        InstanceId = RandomNumberGenerator.GetHexString(16, lowercase: true);
        _sessions = new SessionKeeper(options, clock, logs);
        var store = new StoreCalls(_sessions, options, clock);
        _lanes = new CommitLanes(_sessions, options, InstanceId, clock, logs);
        _leases = new LeaseObserver(_sessions, store, options, clock, logs.CreateLogger<LeaseObserver>());
        var reads = new SharedReads();
        _deletes = new GuaranteedDeletes(_lanes, clock, logs.CreateLogger<GuaranteedDeletes>());
        _waiters = new WaiterReconciler(_lanes, _deletes, options, clock, logs.CreateLogger<WaiterReconciler>());
        _free = new FreeDirectories(_lanes, _sessions, reads, clock);
        var keyed = new KeyedCalls(store, options, clock);
        var lockMetrics = new LockMetrics(_lanes.Metrics.Meter);
        var locking = new LockServices
        {
            Options = options,
            Clock = clock,
            Sessions = _sessions,
            Store = store,
            Lanes = _lanes,
            Keyed = keyed,
            Reads = reads,
            Leases = _leases,
            HolderLease = new HolderLease(_lanes, _leases, lockMetrics),
            Metrics = lockMetrics,
            Logger = logs.CreateLogger<Locks>(),
            Deletes = _deletes,
            Waiters = _waiters,
            Free = _free,
            Seats = new WaiterSeats(options.MaxWaiters),
            InstanceId = InstanceId,
            Draining = _draining.Token,
        };
        _feeds = new LockFeeds(locking, logs.CreateLogger<LockFeeds>());
        Locks = new Locks(locking, _feeds);
        MultiLocks = new MultiLocks(locking);
        Counters = new Counters(_lanes, store, keyed, options, clock, _draining.Token);
        _time = new SharedClock(_sessions, _lanes, options, clock, logs.CreateLogger<SharedClock>());
        _delays = new Delays(clock, logs.CreateLogger<Delays>());
        Queues = new Queues(new QueueServices
        {
            Options = options,
            Clock = clock,
            Lanes = _lanes,
            Store = store,
            Keyed = keyed,
            Leases = _leases,
            Time = _time,
            Delays = _delays,
            Slots = new WaiterSlots(options.MaxWaiters),
            Draining = _draining.Token,
        });
        _registry = new InstanceRegistry(InstanceId, _sessions, options, clock, SweepAsync, logs.CreateLogger<InstanceRegistry>());
        _records = new RecordSweeper(_lanes, store, options, clock, logs.CreateLogger<RecordSweeper>());
        _records.Start(() => _registry.IsElected);
        _time.Start(() => _registry.IsElected);
    }

    /// <summary>This instance's id: random, unique among instances, new with every start.</summary>
    public string InstanceId { get; }

    /// <summary>Leased locks.</summary>
    public Locks Locks { get; }

    /// <summary>Leases on several locks at once.</summary>
    public MultiLocks MultiLocks { get; }

    /// <summary>Counters.</summary>
    public Counters Counters { get; }

    /// <summary>Queues.</summary>
    public Queues Queues { get; }

    /// <summary>The state of the connection to ZooKeeper.</summary>
    public StoreStatus Status
    {
        get
        {
            ZooKeeperClient client = _sessions.Current;
            SessionStatus status = client.Status;
            bool draining = _draining.IsCancellationRequested;
            return new StoreStatus(
                status.State == SessionState.Connected && !draining,
                draining,
                status.State switch { SessionState.Connected => "connected", SessionState.Connecting => "connecting", _ => "ended" },
                client.SessionId == 0 ? null : client.SessionId.ToString("x", System.Globalization.CultureInfo.InvariantCulture),
                client.SessionId == 0 ? null : client.SessionTimeout,
                status.Server?.ToString(),
                [.. _options.ZooKeeper.Servers.Select(server => server.ToString())]);
        }
    }

    /// <summary>
    /// Takes no new work from now on and answers everybody who waits with <see cref="DrainingException"/>. Calls under way finish.
    /// </summary>
    public void Drain() => _draining.Cancel();

    /// <summary>Drains, lets deletions that are under way finish, for 3 s at most, and closes the sessions.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        Drain();
        await _feeds.DisposeAsync().ConfigureAwait(false);
        await _deletes.DisposeAsync().ConfigureAwait(false);
        await _records.DisposeAsync().ConfigureAwait(false);
        await _time.DisposeAsync().ConfigureAwait(false);
        await _delays.DisposeAsync().ConfigureAwait(false);
        await _registry.DisposeAsync().ConfigureAwait(false);
        await _waiters.DisposeAsync().ConfigureAwait(false);
        await _free.DisposeAsync().ConfigureAwait(false);
        await _leases.DisposeAsync().ConfigureAwait(false);
        await _lanes.DisposeAsync().ConfigureAwait(false);
        await _sessions.DisposeAsync().ConfigureAwait(false);
    }

    private async Task SweepAsync(CancellationToken cancellation)
    {
        await Locks.SweepAsync(cancellation).ConfigureAwait(false);
        await Queues.SweepAsync(cancellation).ConfigureAwait(false);
        await Counters.SweepAsync(cancellation).ConfigureAwait(false);
    }
}

/// <summary>The state of an instance's connection to ZooKeeper.</summary>
/// <param name="Connected">Whether a server that accepts writes is connected and the instance does not drain.</param>
/// <param name="Draining">Whether the instance is shutting down.</param>
/// <param name="SessionState"><c>connecting</c>, <c>connected</c> or <c>ended</c>.</param>
/// <param name="SessionId">The session's id in hexadecimal; null before the first connection.</param>
/// <param name="SessionTimeout">The timeout the servers granted; null before the first connection.</param>
/// <param name="Server">The address of the server in use; null while there is none.</param>
/// <param name="Ensemble">The configured servers.</param>
public sealed record StoreStatus(
    bool Connected, bool Draining, string SessionState, string? SessionId, TimeSpan? SessionTimeout, string? Server, IReadOnlyList<string> Ensemble);
