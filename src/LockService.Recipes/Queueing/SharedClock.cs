using System.Globalization;
using System.Text;
using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Queueing;

/// <summary>
/// A time that all instances share and that no wall clock has a part in: how long the service has run. It never goes faster than real
/// time, and goes on where it stopped when all instances were gone.
/// </summary>
/// <remarks>
/// <code>&lt;root&gt;/clock   persistent; data = milliseconds as decimal text</code>
/// 1. The elected instance writes its time every second, on condition of the version that it read.
/// 2. Every instance watches the node. A value is what it was before it was read, so that each reading gives a time that the clock has
/// reached for certain; between readings one's own monotonic clock goes on, from the highest of them.
/// 3. An instance that is elected goes on from its own time: nothing is lost as long as one of them lives.
/// 4. As long as nobody has needed it there is no such node, and nothing is written.
/// <para>Lost connection: one's own clock goes on. Between instances that are connected times differ by what a notification takes, and
/// by less than a second as long as none of them was paused.</para>
/// </remarks>
internal sealed partial class SharedClock : IAsyncDisposable
{
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(250);

    /// <summary>By how much one's own clock may seem to run ahead of the others' from one reading to the next.</summary>
    private const long DriftMs = 1;

    private readonly SessionKeeper _sessions;
    private readonly CommitLanes _lanes;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly string _path;
    private readonly CancellationTokenSource _disposing = new();
    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _wanted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _loop = Task.CompletedTask;
    private Reading? _reading;

    internal SharedClock(SessionKeeper sessions, CommitLanes lanes, CoordinationOptions options, TimeProvider clock, ILogger<SharedClock> logger)
    {
        _sessions = sessions;
        _lanes = lanes;
        _clock = clock;
        _logger = logger;
        _path = $"{options.Root}/clock";
    }

    /// <summary>Milliseconds; 0, at which nothing has come to its end, until it was read once.</summary>
    internal long Now => Volatile.Read(ref _reading) is { } reading ? LocalMs() + reading.OffsetMs : 0;

    /// <summary>The wall clock of ZooKeeper's leader, milliseconds since 1970, for people to read. One's own until the first reading.</summary>
    internal long WallMs => Volatile.Read(ref _reading) is { } reading ? LocalMs() + reading.WallOffsetMs : _clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Whether the time is known.</summary>
    internal bool IsKnown => _known.Task.IsCompleted;

    /// <summary>Completes once the time is known, and lets it begin if it has not yet.</summary>
    internal Task WhenKnownAsync()
    {
        _wanted.TrySetResult();
        return _known.Task;
    }

    /// <summary>Follows the time from now on, and keeps it whenever this instance is elected.</summary>
    internal void Start(Func<bool> elected) => _loop = RunAsync(elected);

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task RunAsync(Func<bool> elected)
    {
        CancellationToken stop = _disposing.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(elected, stop).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ZooKeeperException or CoordinationException)
            {
                Log.Failed(_logger, e.Message);
                await Task.Delay(s_retryPause, _clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Disposed.
            }
        }
    }

    private async Task FollowAsync(Func<bool> elected, CancellationToken stop)
    {
        ZooKeeperClient client = await _sessions.ConnectedAsync(stop).ConfigureAwait(false);
        if (!_wanted.Task.IsCompleted)
        {
            await WaitForBeginningAsync(client, stop).ConfigureAwait(false);
            return;
        }

        Watched<NodeData>? read = await client.WatchDataAsync(_path, stop).ConfigureAwait(false);
        if (read is null)
        {
            await NodeTree.EnsureAsync(client, _path, CreateMode.Persistent, "0"u8.ToArray(), stop).ConfigureAwait(false);
            return;
        }

        using Watch watch = read.Watch;
        TakeIn(read.Value);
        using (var awake = CancellationTokenSource.CreateLinkedTokenSource(stop))
        {
            await Task.WhenAny(watch.Changed, Task.Delay(s_tick, _clock, awake.Token)).ConfigureAwait(false);
            await awake.CancelAsync().ConfigureAwait(false);
        }

        stop.ThrowIfCancellationRequested();
        if (!watch.Changed.IsCompleted && elected())
        {
            // Refused if another instance keeps it too; what that one wrote is read next.
            byte[] now = Encoding.ASCII.GetBytes(Now.ToString(CultureInfo.InvariantCulture));
            CommitUnit unit = new CommitUnit(_path).SetData(_path, now, read.Value.Stat.Version);
            await _lanes.CommitAsync(unit, _lanes.NewDeadline(), stop).ConfigureAwait(false);
        }
    }

    /// <summary>Waits until somebody needs the time, here or elsewhere, or until that has to be looked at again.</summary>
    private async Task WaitForBeginningAsync(ZooKeeperClient client, CancellationToken stop)
    {
        Watched<Stat?> begun = await client.WatchExistsAsync(_path, stop).ConfigureAwait(false);
        using Watch watch = begun.Watch;
        if (begun.Value is not null)
        {
            _wanted.TrySetResult();
        }

        await Task.WhenAny(watch.Changed, _wanted.Task).WaitAsync(stop).ConfigureAwait(false);
    }

    private void TakeIn(NodeData node)
    {
        if (long.TryParse(node.Data.Span, NumberStyles.None, CultureInfo.InvariantCulture, out long value))
        {
            long local = LocalMs();
            long offset = Math.Max(value - local, (_reading?.OffsetMs ?? long.MinValue + DriftMs) - DriftMs);
            Volatile.Write(ref _reading, new Reading(offset, node.Stat.ModifiedAt - local));
            _known.TrySetResult();
        }
    }

    private long LocalMs() => (long)_clock.GetElapsedTime(0, _clock.GetTimestamp()).TotalMilliseconds;

    private sealed record Reading(long OffsetMs, long WallOffsetMs);

    private static partial class Log
    {
        [LoggerMessage(70, LogLevel.Information, "The shared time could not be followed: {Reason}")]
        internal static partial void Failed(ILogger logger, string reason);
    }
}
