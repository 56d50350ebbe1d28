using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Locking;

/// <summary>
/// Compares the ephemeral nodes that the sessions own in the locks' directories with the waiters that are being served, and deletes
/// strangers: one that nobody serves would block everybody behind it for the life of the session.
/// </summary>
internal sealed partial class WaiterReconciler : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private readonly CommitLanes _lanes;
    private readonly GuaranteedDeletes _deletes;
    private readonly string _parent;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly HashSet<string> _served = [];
    private readonly CancellationTokenSource _disposing = new();
    private readonly Task _loop;

    internal WaiterReconciler(
        CommitLanes lanes, GuaranteedDeletes deletes, CoordinationOptions options, TimeProvider clock, ILogger<WaiterReconciler> logger)
    {
        _lanes = lanes;
        _deletes = deletes;
        _parent = LockDirectory.Parent(options.Root) + "/";
        _clock = clock;
        _logger = logger;
        _loop = RunAsync();
    }

    /// <summary>Notes a waiter before its creation is sent, by the part of its name before the number.</summary>
    internal void Add(string prefix)
    {
        lock (_gate)
        {
            _served.Add(prefix);
        }
    }

    /// <summary>Notes that a waiter is no longer served. Its node has been deleted, or is being so.</summary>
    internal void Remove(string prefix)
    {
        lock (_gate)
        {
            _served.Remove(prefix);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _disposing.Dispose();
    }

    /// <summary>Lists first and looks up afterwards: who is created in between was noted before, so that nobody who is served is deleted.</summary>
    internal async Task ReconcileAsync(CancellationToken cancellation)
    {
        foreach (SessionKeeper session in _lanes.WaiterSessions)
        {
            await ReconcileAsync(session.Current, cancellation).ConfigureAwait(false);
        }
    }

    private async Task ReconcileAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        foreach (string path in await client.GetEphemeralsAsync(_parent, cancellation).ConfigureAwait(false))
        {
            string name = path[(path.LastIndexOf('/') + 1)..];
            if (ContenderName.Parse(name) is { } waiter && !IsServed(waiter.Prefix))
            {
                Log.Stranger(_logger);
                _deletes.Delete(path[..path.LastIndexOf('/')], path);
            }
        }
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(s_interval, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_disposing.Token).ConfigureAwait(false))
            {
                try
                {
                    await ReconcileAsync(_disposing.Token).ConfigureAwait(false);
                }
                catch (ZooKeeperException e)
                {
                    Log.Failed(_logger, e.Message);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private bool IsServed(string prefix)
    {
        lock (_gate)
        {
            return _served.Contains(prefix);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(40, LogLevel.Warning, "Deleting a waiter of this session that nobody serves")]
        internal static partial void Stranger(ILogger logger);

        [LoggerMessage(41, LogLevel.Information, "The waiters of this session could not be compared with those served: {Reason}")]
        internal static partial void Failed(ILogger logger, string reason);
    }
}
