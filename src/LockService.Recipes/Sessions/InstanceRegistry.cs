using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Sessions;

/// <summary>
/// The live instances, and which of them looks for leases that nobody times. Each has an ephemeral node <c>&lt;root&gt;/instances/&lt;id&gt;</c>; the
/// one with the lowest id sweeps: at its start, when an instance has gone, and at every interval. Two that sweep at once do no harm.
/// </summary>
internal sealed partial class InstanceRegistry : IAsyncDisposable
{
    private static readonly TimeSpan s_retryPause = TimeSpan.FromSeconds(1);

    private readonly SessionKeeper _sessions;
    private readonly CoordinationOptions _options;
    private readonly TimeProvider _clock;
    private readonly Func<CancellationToken, Task> _sweep;
    private readonly ILogger _logger;
    private readonly string _parent;
    private readonly string _instanceId;
    private readonly CancellationTokenSource _disposing = new();
    private readonly Task _loop;
    private volatile bool _elected;

    internal InstanceRegistry(
        string instanceId,
        SessionKeeper sessions,
        CoordinationOptions options,
        TimeProvider clock,
        Func<CancellationToken, Task> sweep,
        ILogger<InstanceRegistry> logger)
    {
        _instanceId = instanceId;
        _sessions = sessions;
        _options = options;
        _clock = clock;
        _sweep = sweep;
        _logger = logger;
        _parent = PathOf(options.Root);
        _loop = RunAsync();
    }

    /// <summary>Whether this instance has the lowest id, as far as it knows.</summary>
    internal bool IsElected => _elected;

    /// <summary>The node above all instances.</summary>
    internal static string PathOf(string root) => $"{root}/instances";

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task RunAsync()
    {
        CancellationToken stop = _disposing.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                ZooKeeperClient client = await _sessions.ConnectedAsync(stop).ConfigureAwait(false);
                await RegisterAsync(client, stop).ConfigureAwait(false);
                await SweepAndWatchAsync(client, stop).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ZooKeeperException or CoordinationException)
            {
                _elected = false;
                Log.Failed(_logger, e.Message);
                await Task.Delay(s_retryPause, _clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Disposed.
            }
        }
    }

    private async Task RegisterAsync(ZooKeeperClient client, CancellationToken stop)
    {
        await NodeTree.EnsureAsync(client, _parent, CreateMode.Persistent, default, stop).ConfigureAwait(false);
        string path = $"{_parent}/{_instanceId}";
        Stat? present = await client.ExistsAsync(path, stop).ConfigureAwait(false);
        if (present is { } stat && stat.EphemeralOwner != client.SessionId)
        {
            // Left by this instance's previous session, which is over: it would vanish at any moment.
            await client.DeleteAsync(path, stat.Version, stop).ConfigureAwait(false);
            present = null;
        }

        if (present is null)
        {
            await client.CreateAsync(path, default, CreateMode.Ephemeral, cancellation: stop).ConfigureAwait(false);
        }
    }

    /// <summary>Sweeps if it is this instance's turn, then waits for a change among the instances or for the interval.</summary>
    private async Task SweepAndWatchAsync(ZooKeeperClient client, CancellationToken stop)
    {
        Watched<NodeChildren>? instances = await client.WatchChildrenAsync(_parent, stop).ConfigureAwait(false);
        if (instances is null)
        {
            return;
        }

        using Watch watch = instances.Watch;
        _elected = string.Equals(instances.Value.Names.Min(StringComparer.Ordinal), _instanceId, StringComparison.Ordinal);
        if (_elected)
        {
            await _sweep(stop).ConfigureAwait(false);
        }

        try
        {
            await watch.Changed.WaitAsync(_options.SweepInterval, _clock, stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The next sweep.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(50, LogLevel.Information, "The instances could not be looked at, or the sweep ended early: {Reason}")]
        internal static partial void Failed(ILogger logger, string reason);
    }
}
