using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Times what is to happen with messages later: the ends of delays. Other than a lease, a delay is nobody's to renew, so that neither an outage
/// nor a new observer makes it longer; who takes over learns what is left of it from the <see cref="SharedClock"/>.
/// </summary>
internal sealed partial class Delays : IAsyncDisposable
{
    /// <summary>How finely time is looked at.</summary>
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(25);

    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Ends in one tick, 2,000 in a second, so that many at once do not crowd out everything else.</summary>
    private const int MaxPerTick = 50;

    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly PriorityQueue<(string Path, int Version), long> _due = new();
    private readonly ConcurrentDictionary<string, int> _timed = new();
    private readonly CancellationTokenSource _disposing = new();
    private readonly Task _loop;

    internal Delays(TimeProvider clock, ILogger<Delays> logger)
    {
        _clock = clock;
        _logger = logger;
        _loop = RunAsync();
    }

    /// <summary>Ends a delay, on condition that the delivery's node still has the version.</summary>
    internal Func<string, int, CancellationToken, Task> End { get; set; } = (_, _, _) => Task.CompletedTask;

    /// <summary>Starts to time a delay; nothing if it is timed already.</summary>
    /// <param name="path">The delivery's node.</param>
    /// <param name="version">Its version: any other has another delay, or none.</param>
    /// <param name="left">What is left of the delay.</param>
    internal void Add(string path, int version, TimeSpan left)
    {
        lock (_gate)
        {
            if (!_timed.TryGetValue(path, out int known) || known != version)
            {
                _timed[path] = version;
                Enqueue(path, version, left);
            }
        }
    }

    /// <summary>Whether a delay of the node is being timed, of whatever version.</summary>
    internal bool Contains(string path) => _timed.ContainsKey(path);

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(s_tick, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_disposing.Token).ConfigureAwait(false))
            {
                for (int i = 0; i < MaxPerTick && TakeDue() is { } due; i++)
                {
                    _ = EndAsync(due.Path, due.Version);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private (string Path, int Version)? TakeDue()
    {
        lock (_gate)
        {
            return _due.TryPeek(out _, out long at) && at <= _clock.GetTimestamp() ? _due.Dequeue() : null;
        }
    }

    private async Task EndAsync(string path, int version)
    {
        try
        {
            await End(path, version, _disposing.Token).ConfigureAwait(false);
            lock (_gate)
            {
                _timed.TryRemove(new(path, version));
            }
        }
        catch (CoordinationException e)
        {
            Log.Failed(_logger, e.Message);
            lock (_gate)
            {
                Enqueue(path, version, s_retryPause);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private void Enqueue(string path, int version, TimeSpan left) =>
        _due.Enqueue((path, version), _clock.GetTimestamp() + (long)(left.TotalSeconds * _clock.TimestampFrequency));

    private static partial class Log
    {
        [LoggerMessage(71, LogLevel.Warning, "A delay that is over could not be ended yet: {Reason}")]
        internal static partial void Failed(ILogger logger, string reason);
    }
}
