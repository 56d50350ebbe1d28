using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Leases;
using LockService.Recipes.Locking;
using LockService.Recipes.Locking.Events;
using LockService.Recipes.Queueing;
using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>What one service instance has of commit lanes, locks, counters and queues, behind a network of its own that fails on demand.</summary>
internal sealed class TestInstance : IAsyncDisposable
{
    private static int s_instances;

    private readonly ZooKeeperServer _server;
    private readonly GuaranteedDeletes _deletes;
    private readonly FreeDirectories _free;
    private readonly LockFeeds _feeds;

    private TestInstance(ZooKeeperServer server, string chroot, TimeSpan? storeDeadline, int markerVersions)
    {
        _server = server;
        Chroot = chroot;
        Proxy = new ZooKeeperProxy(server.Port);
        Options = new CoordinationOptions
        {
            // Named as often as servers of an ensemble: a client goes on to the next one at once, but waits longer after every round.
            ZooKeeper = ConnectString.Parse(string.Join(',', Enumerable.Repeat(Proxy.ConnectString, 4)) + chroot),
            // What strikes the next transaction is meant for another one.
            SnapshotTime = TimeSpan.Zero,
            StoreDeadline = storeDeadline ?? TimeSpan.FromSeconds(20),
            MarkerVersions = markerVersions,
        };
        Sessions = new SessionKeeper(Options, TimeProvider.System, NullLoggerFactory.Instance);
        Store = new StoreCalls(Sessions, Options, TimeProvider.System);
        string id = $"test{Interlocked.Increment(ref s_instances)}";
        Lanes = new CommitLanes(Sessions, Options, id, TimeProvider.System, NullLoggerFactory.Instance);
        Keyed = new KeyedCalls(Store, Options, TimeProvider.System);
        Counters = new Counters(Lanes, Store, Keyed, Options, TimeProvider.System, Draining.Token);
        Leases = new LeaseObserver(Sessions, Store, Options, TimeProvider.System, NullLogger<LeaseObserver>.Instance);
        Time = new SharedClock(Sessions, Lanes, Options, TimeProvider.System, NullLogger<SharedClock>.Instance);
        Delays = new Delays(TimeProvider.System, NullLogger<Delays>.Instance);
        QueueServices = new QueueServices
        {
            Options = Options,
            Clock = TimeProvider.System,
            Lanes = Lanes,
            Store = Store,
            Keyed = Keyed,
            Leases = Leases,
            Time = Time,
            Delays = Delays,
            Slots = new WaiterSlots(Options.MaxWaiters),
            Draining = Draining.Token,
        };
        Queues = new Queues(QueueServices);
        var reads = new SharedReads();
        _deletes = new GuaranteedDeletes(Lanes, TimeProvider.System, NullLogger<GuaranteedDeletes>.Instance);
        Waiters = new WaiterReconciler(Lanes, _deletes, Options, TimeProvider.System, NullLogger<WaiterReconciler>.Instance);
        _free = new FreeDirectories(Lanes, Sessions, reads, TimeProvider.System);
        var locking = new LockServices
        {
            Options = Options,
            Clock = TimeProvider.System,
            Sessions = Sessions,
            Store = Store,
            Lanes = Lanes,
            Keyed = Keyed,
            Reads = reads,
            Leases = Leases,
            HolderLease = new HolderLease(Lanes, Leases, new LockMetrics(Lanes.Metrics.Meter)),
            Metrics = new LockMetrics(Lanes.Metrics.Meter),
            Logger = LockLog,
            Deletes = _deletes,
            Waiters = Waiters,
            Free = _free,
            Seats = new WaiterSeats(Options.MaxWaiters),
            InstanceId = id,
            Draining = Draining.Token,
        };
        _feeds = new LockFeeds(locking, NullLogger<LockFeeds>.Instance);
        Locks = new Locks(locking, _feeds);
        Lines = locking.Lines;
        Direct = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(server.ConnectString + chroot) });
    }

    /// <summary>Another instance of the same service is started with the same chroot.</summary>
    internal string Chroot { get; }

    internal ZooKeeperProxy Proxy { get; }

    internal CoordinationOptions Options { get; }

    internal SessionKeeper Sessions { get; }

    internal StoreCalls Store { get; }

    internal CommitLanes Lanes { get; }

    internal QueueServices QueueServices { get; }

    internal KeyedCalls Keyed { get; }

    internal Locks Locks { get; }

    internal LockLines Lines { get; }

    internal Counters Counters { get; }

    internal LeaseObserver Leases { get; }

    internal WaiterReconciler Waiters { get; }

    /// <summary>What the locks log.</summary>
    internal RecordingLogger<Locks> LockLog { get; } = new();

    /// <summary>Not started: its writes would be struck by faults that are meant for others.</summary>
    internal SharedClock Time { get; }

    internal Delays Delays { get; }

    internal Queues Queues { get; }

    /// <summary>What the tree holds of the queue that most tests use.</summary>
    internal QueueNodes Queue => new(Direct, "q");

    internal CancellationTokenSource Draining { get; } = new();

    /// <summary>Another client's view of the same tree, past the proxy.</summary>
    internal ZooKeeperClient Direct { get; }

    /// <param name="fixture">The shared server.</param>
    /// <param name="chroot">Where another instance of the same service lives; by default a service of its own.</param>
    /// <param name="storeDeadline">Default: 20 s, far more than a test needs.</param>
    /// <param name="markerVersions">How often a lane's marker is changed before the next one; default: never in a test's time.</param>
    internal static async Task<TestInstance> StartAsync(
        ZooKeeperFixture fixture, string? chroot = null, TimeSpan? storeDeadline = null, int markerVersions = LaneMarker.MaxVersion) =>
        await StartAsync(fixture.Server, chroot ?? await fixture.NewRootAsync(), storeDeadline, markerVersions);

    /// <summary>The same on a server that the test has for itself.</summary>
    internal static async Task<TestInstance> StartAsync(
        ZooKeeperServer server, string chroot, TimeSpan? storeDeadline = null, int markerVersions = LaneMarker.MaxVersion)
    {
        var instance = new TestInstance(server, chroot, storeDeadline, markerVersions);
        await Eventually.CompletesAsync("the instance is connected", instance.Sessions.ConnectedAsync(CancellationToken.None));
        return instance;
    }

    internal Task<CommitResult> CommitAsync(CommitUnit unit, CancellationToken cancellation = default) =>
        Lanes.CommitAsync(unit, Lanes.NewDeadline(), cancellation);

    /// <summary>Ends the instance's session from outside; it opens another one by itself.</summary>
    internal Task KillSessionAsync() => _server.KillSessionAsync(Sessions.Current);

    /// <summary>Ends the instance's session, whatever state it is in just now.</summary>
    internal async Task EndSessionAsync()
    {
        try
        {
            await KillSessionAsync();
        }
        catch (InvalidOperationException)
        {
            // It had not begun yet, or was over already.
        }
    }

    /// <summary>The data of a node as text; null if there is no such node.</summary>
    internal async Task<string?> TextAsync(string path) =>
        await Direct.GetDataAsync(path) is { } node ? System.Text.Encoding.UTF8.GetString(node.Data.Span) : null;

    public async ValueTask DisposeAsync()
    {
        Proxy.Resume();
        Proxy.Admit();
        await Direct.DisposeAsync();
        await _feeds.DisposeAsync();
        await _deletes.DisposeAsync();
        await Waiters.DisposeAsync();
        await _free.DisposeAsync();
        await Time.DisposeAsync();
        await Delays.DisposeAsync();
        await Leases.DisposeAsync();
        await Lanes.DisposeAsync();
        await Sessions.DisposeAsync();
        Proxy.Dispose();
        Draining.Dispose();
    }
}
