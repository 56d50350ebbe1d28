using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Leases;

/// <summary>
/// Ends leases without synchronized clocks: a node whose version this instance has seen unchanged for the lease written in it, on its
/// own monotonic clock, is expired on that version. Any number of instances may observe one lease.
/// </summary>
/// <remarks>
/// 1. <see cref="Observe"/> notes version, lease and the present moment, which is later than the write that made the version.
/// 2. When the lease has passed, the node is read again. Another version: its holder renewed it elsewhere; the time starts anew.
/// 3. The same version: <see cref="ILeaseKind.ExpireAsync"/> on that version. A renewal that came first makes it fail.
/// <para>Lost connection: the examination is repeated. After an outage all times start anew (<see cref="SessionKeeper.OutageEndedAt"/>),
/// since no holder could renew; nothing is examined before. An instance that was paused or lags only expires late.</para>
/// <para>It does not find leases by itself: who grants, renews, waits or sweeps tells it.</para>
/// </remarks>
internal sealed partial class LeaseObserver : IAsyncDisposable
{
    /// <summary>How finely time is looked at; adds this much to the overshoot of a lease.</summary>
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(25);

    /// <summary>How long after a failed examination the next one comes.</summary>
    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// How often a lease's place in the order of time is looked at, at least: those that were forgotten go away then, however long they
    /// had left.
    /// </summary>
    private static readonly TimeSpan s_longestTimer = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often a node is read, at least: one that was released through another instance is forgotten then, however long its lease.
    /// </summary>
    private static readonly TimeSpan s_longestUnread = TimeSpan.FromMinutes(1);

    private readonly SessionKeeper _sessions;
    private readonly StoreCalls _store;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly int _maxPerTick;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Observation> _observed = [];
    private readonly Dictionary<string, Observation> _sharing = [];
    private readonly PriorityQueue<Observation, long> _due = new();
    private readonly CancellationTokenSource _disposing = new();
    private readonly Task _loop;

    internal LeaseObserver(
        SessionKeeper sessions, StoreCalls store, CoordinationOptions options, TimeProvider clock, ILogger<LeaseObserver> logger)
    {
        _sessions = sessions;
        _store = store;
        _clock = clock;
        _logger = logger;
        _maxPerTick = (int)Math.Ceiling(options.ExpiriesPerSecond * s_tick.TotalSeconds);
        _loop = RunAsync();
    }

    /// <summary>Starts to time a lease, or takes note of its renewal.</summary>
    /// <param name="path">The node; never used twice.</param>
    /// <param name="version">The version just read or written.</param>
    /// <param name="ttl">The lease of that same version.</param>
    /// <param name="kind">How to read and to end it.</param>
    /// <param name="content">What the caller wants to find again with <see cref="Known"/>; belongs to that same version.</param>
    /// <param name="age">How long ago the lease was granted, at least.</param>
    /// <param name="sharedBy">Other nodes that have this lease and none of their own: they are being timed with it.</param>
    internal void Observe(
        string path,
        int version,
        TimeSpan ttl,
        ILeaseKind kind,
        object? content = null,
        TimeSpan age = default,
        IReadOnlyList<string>? sharedBy = null)
    {
        long now = _clock.GetTimestamp();
        long granted = now - Ticks(age);
        lock (_gate)
        {
            if (!_observed.TryGetValue(path, out Observation? observation))
            {
                observation = new Observation
                {
                    Path = path,
                    Kind = kind,
                    Version = version,
                    Ttl = ttl,
                    Since = now,
                    ReadAt = now,
                    GrantedAt = granted,
                    Content = content,
                };
                _observed.Add(path, observation);
                Enqueue(observation, DueAt(observation));
            }
            else if (version > observation.Version)
            {
                // A stale read must not take the time back to an older version, nor start it anew for the same one.
                (observation.Version, observation.Ttl, observation.Since, observation.Content) = (version, ttl, now, content);
                if (DueAt(observation) < observation.QueuedFor)
                {
                    // Renewed for a shorter time than before.
                    Enqueue(observation, DueAt(observation));
                }
            }

            observation.GrantedAt = Math.Min(observation.GrantedAt, granted);
            if (sharedBy is not null && observation.SharedBy.Count == 0)
            {
                observation.SharedBy = sharedBy;
                foreach (string other in sharedBy)
                {
                    _sharing[other] = observation;
                }
            }
        }
    }

    /// <summary>Whether the node is being timed.</summary>
    internal bool IsObserved(string path)
    {
        lock (_gate)
        {
            return _observed.ContainsKey(path) || _sharing.ContainsKey(path);
        }
    }

    /// <summary>The version last seen of a lease, and what was given along with it; null if it is not being timed.</summary>
    internal (int Version, object? Content)? Known(string path)
    {
        lock (_gate)
        {
            return _observed.TryGetValue(path, out Observation? known) ? (known.Version, known.Content) : null;
        }
    }

    /// <summary>About how much is left of a lease as seen from here; null if it is not being timed.</summary>
    internal TimeSpan? Remaining(string path)
    {
        lock (_gate)
        {
            return _observed.TryGetValue(path, out Observation? known) || _sharing.TryGetValue(path, out known)
                ? Later(TimeSpan.Zero, known.Ttl - Unchanged(known))
                : null;
        }
    }

    /// <summary>How long ago a lease was granted, at least, as far as this instance knows; null if it is not being timed.</summary>
    internal TimeSpan? Age(string path)
    {
        lock (_gate)
        {
            return _observed.TryGetValue(path, out Observation? known) ? _clock.GetElapsedTime(known.GrantedAt) : null;
        }
    }

    /// <summary>Stops timing a lease that its holder gave back.</summary>
    internal void Forget(string path)
    {
        lock (_gate)
        {
            if (_observed.Remove(path, out Observation? known))
            {
                known.Forgotten = true;
                foreach (string other in known.SharedBy)
                {
                    _sharing.Remove(other);
                }
            }
        }
    }

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
                bool connected = _sessions.Current.Status.State == SessionState.Connected;
                for (int i = 0; connected && i < _maxPerTick && TakeDue() is { } due; i++)
                {
                    _ = ExamineAsync(due);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    /// <summary>The next lease that has been unchanged for long enough; those that were renewed meanwhile are put back.</summary>
    private Observation? TakeDue()
    {
        long now = _clock.GetTimestamp();
        lock (_gate)
        {
            while (_due.TryPeek(out Observation? next, out long at) && at <= now)
            {
                _due.Dequeue();
                if (next.Forgotten || at != next.QueuedFor)
                {
                    continue;
                }

                next.QueuedFor = Observation.NotQueued;
                long due = Math.Min(DueAt(next), next.ReadAt + Ticks(s_longestUnread));
                if (due <= now)
                {
                    return next;
                }

                Enqueue(next, due);
            }

            return null;
        }
    }

    private async Task ExamineAsync(Observation lease)
    {
        try
        {
            NodeData? node = await _store.ReadAsync((client, token) => client.GetDataAsync(lease.Path, token), _disposing.Token)
                .ConfigureAwait(false);
            if (node is null || lease.Kind.ReadTtl(node) is not { } ttl)
            {
                Forget(lease.Path);
                return;
            }

            if (!Renewed(lease, node.Stat.Version, ttl))
            {
                await lease.Kind.ExpireAsync(_sessions.Current, lease.Path, node, _disposing.Token).ConfigureAwait(false);
            }

            PutBack(lease, TimeSpan.Zero);
        }
        catch (Exception e) when (e is ZooKeeperException or CoordinationException)
        {
            Log.Failed(_logger, e.Message);
            PutBack(lease, s_retryPause);
        }
        catch (OperationCanceledException)
        {
            // Disposed, or abandoned by a deadline: the next examination comes if we live.
            PutBack(lease, s_retryPause);
        }
    }

    /// <summary>Takes in what was read; true if the lease still has time.</summary>
    private bool Renewed(Observation lease, int version, TimeSpan ttl)
    {
        lock (_gate)
        {
            lease.ReadAt = _clock.GetTimestamp();
            if (version > lease.Version)
            {
                (lease.Version, lease.Ttl, lease.Since, lease.Content) = (version, ttl, lease.ReadAt, null);
            }

            // An older version than the one noted comes from a server that lags behind: look again later.
            return version != lease.Version || Unchanged(lease) < lease.Ttl;
        }
    }

    private void PutBack(Observation lease, TimeSpan pause)
    {
        lock (_gate)
        {
            if (!lease.Forgotten)
            {
                // An expired lease is looked at once more, and then found to be gone.
                Enqueue(lease, Math.Max(DueAt(lease), _clock.GetTimestamp() + Ticks(pause)));
            }
        }
    }

    private void Enqueue(Observation lease, long due)
    {
        lease.QueuedFor = Math.Min(due, _clock.GetTimestamp() + Ticks(s_longestTimer));
        _due.Enqueue(lease, lease.QueuedFor);
    }

    private long DueAt(Observation lease) => Math.Max(lease.Since, _sessions.OutageEndedAt) + Ticks(lease.Ttl);

    private TimeSpan Unchanged(Observation lease) => _clock.GetElapsedTime(Math.Max(lease.Since, _sessions.OutageEndedAt));

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _clock.TimestampFrequency);

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private sealed class Observation
    {
        internal const long NotQueued = long.MinValue;

        internal required string Path { get; init; }

        internal required ILeaseKind Kind { get; init; }

        internal int Version { get; set; }

        internal TimeSpan Ttl { get; set; }

        internal object? Content { get; set; }

        internal IReadOnlyList<string> SharedBy { get; set; } = [];

        /// <summary>When the version was first seen here, as a timestamp of the clock.</summary>
        internal long Since { get; set; }

        /// <summary>Before this the lease was granted, as a timestamp of the clock.</summary>
        internal long GrantedAt { get; set; }

        /// <summary>When the node was last read here, as a timestamp of the clock.</summary>
        internal long ReadAt { get; set; }

        /// <summary>Its one valid place in the order of time; <see cref="NotQueued"/> while it is being examined.</summary>
        internal long QueuedFor { get; set; } = NotQueued;

        internal bool Forgotten { get; set; }
    }

    private static partial class Log
    {
        [LoggerMessage(20, LogLevel.Warning, "A lease that may have ended could not be examined: {Reason}")]
        internal static partial void Failed(ILogger logger, string reason);
    }
}
