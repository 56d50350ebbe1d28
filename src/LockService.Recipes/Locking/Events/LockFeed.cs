using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Locking.Events;

/// <summary>
/// Follows one lock for all who listen to it in this instance: turns what happens in its directory into events.
/// </summary>
/// <remarks>
/// 1. Watch the directory and everything in it, then read it: whatever happens from now on is reported.
/// 2. A node that appears or changes is read, many in one request; one that goes was released, unless a notice went before (<see cref="Ending"/>).
/// 3. After a gap in the reports (a reconnect, a new session, too many at once) begin anew at 1, and say so.
/// <para>Native contenders have no moment at which they become holders, and are only reported as queued.</para>
/// </remarks>
internal sealed partial class LockFeed : IAsyncDisposable
{
    /// <summary>Reports that are looked at together.</summary>
    private const int MaxReports = 200;

    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_longestTimer = TimeSpan.FromSeconds(5);

    private readonly LockServices _services;
    private readonly LockDirectory _directory;
    private readonly string _name;
    private readonly ILogger _logger;
    private readonly KnownContenders _known;
    private readonly CancellationTokenSource _disposing = new();
    private readonly TaskCompletionSource _live = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _loop;

    internal LockFeed(LockServices services, string name, ILogger logger)
    {
        _services = services;
        _name = name;
        _directory = new LockDirectory(services.Options.Root, name);
        _logger = logger;
        _known = new KnownContenders(services, _directory, name, Log);
        _loop = RunAsync();
    }

    internal EventLog Log { get; } = new();

    /// <summary>Completes when everything that happens from then on is reported.</summary>
    internal Task Live => _live.Task;

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                try
                {
                    ZooKeeperClient client = await _services.Sessions.ConnectedAsync(_disposing.Token).ConfigureAwait(false);
                    PersistentWatch watch = await client.AddWatchAsync(_directory.Path, WatchScope.Subtree, cancellation: _disposing.Token).ConfigureAwait(false);
                    await using (((IAsyncDisposable)watch).ConfigureAwait(false))
                    {
                        await BeginAsync(client).ConfigureAwait(false);
                        await FollowAsync(client, watch).ConfigureAwait(false);
                    }
                }
                catch (ZooKeeperException e)
                {
                    Logs.Interrupted(_logger, e.Message);
                    await Task.Delay(s_retryPause, _services.Clock, _disposing.Token).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_disposing.IsCancellationRequested)
        {
            _live.TrySetCanceled(_disposing.Token);
        }
    }

    /// <summary>Reads the directory. Who was following has to be told that something may be missing.</summary>
    private async Task BeginAsync(ZooKeeperClient client)
    {
        DirectoryListing? listing = await _services.Reads.ListAsync(client, _directory.Path, latest: true, _disposing.Token).ConfigureAwait(false);
        string[] names = [.. listing?.Names ?? []];
        _known.Reset(names, await ReadAsync(client, names).ConfigureAwait(false));
        if (!_live.TrySetResult())
        {
            Log.Append(new LockEvent(LockEventType.Resync, _name));
        }
    }

    /// <summary>Takes in reports until there is a gap in them.</summary>
    private async Task FollowAsync(ZooKeeperClient client, PersistentWatch watch)
    {
        IAsyncEnumerator<WatchEvent> reports = watch.GetAsyncEnumerator(_disposing.Token);
        await using (reports.ConfigureAwait(false))
        {
            Task<bool> next = reports.MoveNextAsync().AsTask();
            while (true)
            {
                var some = new List<WatchEvent>();
                while (next.IsCompleted && some.Count < MaxReports)
                {
                    if (!await next.ConfigureAwait(false) || reports.Current.Type is WatchEventType.Gap or WatchEventType.SessionEnded)
                    {
                        return;
                    }

                    some.Add(reports.Current);
                    next = reports.MoveNextAsync().AsTask();
                }

                try
                {
                    await TakeInAsync(client, some).ConfigureAwait(false);
                    _known.TellWhoExpiresSoon();
                }
                catch (Exception)
                {
                    // Nobody may be reading the reports when they are disposed of.
                    await watch.DisposeAsync().ConfigureAwait(false);
                    await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    throw;
                }

                TimeSpan left = _known.NextExpiringSoon() is { } soon && soon < s_longestTimer ? soon : s_longestTimer;
                await ((Task)next).WaitAsync(left, _services.Clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task TakeInAsync(ZooKeeperClient client, List<WatchEvent> reports)
    {
        string[] names =
        [
            .. reports.Where(report => report.Type is WatchEventType.NodeCreated or WatchEventType.NodeDataChanged or WatchEventType.NodeDeleted).Select(NameOf)
                .Where(name => ContenderName.Parse(name) is not null).Distinct(),
        ];
        IReadOnlyDictionary<string, NodeData> nodes = await ReadAsync(client, names).ConfigureAwait(false);
        for (int i = 0; i < reports.Count; i++)
        {
            // No path is used twice: what was created after its deletion was both in one transaction, and is there.
            WatchEvent report = reports[i];
            if (report.Type != WatchEventType.NodeDeleted
                || reports.FindIndex(i, later => later.Type == WatchEventType.NodeCreated && later.Path == report.Path) < 0)
            {
                _known.TakeIn(report.Type, NameOf(report), nodes);
            }
        }
    }

    private async Task<IReadOnlyDictionary<string, NodeData>> ReadAsync(ZooKeeperClient client, string[] names)
    {
        var read = new Dictionary<string, NodeData>();
        foreach (string[] some in names.Chunk(MaxReports))
        {
            string[] paths = [.. some.Select(_directory.Child)];
            NodeData?[] nodes = await _services.Reads.GetDataAsync(client, paths, latest: false, _disposing.Token).ConfigureAwait(false);
            for (int i = 0; i < some.Length; i++)
            {
                if (nodes[i] is { } node)
                {
                    read.Add(some[i], node);
                }
            }
        }

        return read;
    }

    /// <summary>The name in the directory; empty for the directory itself.</summary>
    private string NameOf(WatchEvent report) => report.Path.Length > _directory.Path.Length ? report.Path[(_directory.Path.Length + 1)..] : "";

    private static partial class Logs
    {
        [LoggerMessage(55, LogLevel.Information, "The events of a lock were interrupted: {Reason}")]
        internal static partial void Interrupted(ILogger logger, string reason);
    }
}
