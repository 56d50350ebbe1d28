using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// The directories of locks that this instance believes to be free. Who acquires such a lock need not look first; and those that stay free
/// are removed: ZooKeeper does that too, but at most 10,000 a minute, and names used once would pile up.
/// </summary>
/// <remarks>
/// A belief is never more than a guess, since others come and go unseen. Acting on a wrong one is refused, which costs a round trip; the lock
/// is then not believed to be free again for a while.
/// </remarks>
internal sealed class FreeDirectories : IAsyncDisposable
{
    /// <summary>How long a directory stays after its last release: a lock in use is not made anew for every holder.</summary>
    private static readonly TimeSpan s_idleTime = TimeSpan.FromSeconds(10);

    /// <summary>How long after a wrong belief there is no new one.</summary>
    private static readonly TimeSpan s_doubt = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    /// <summary>Removals submitted at once.</summary>
    private const int BatchSize = 100;

    /// <summary>Directories remembered at most; what is more is left to ZooKeeper.</summary>
    private const int MaxRemembered = 500_000;

    private readonly CommitLanes _lanes;
    private readonly SessionKeeper _sessions;
    private readonly SharedReads _reads;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Dictionary<string, TaskCompletionSource> _taking = [];
    private readonly CancellationTokenSource _disposing = new();
    private readonly Task _loop;

    internal FreeDirectories(CommitLanes lanes, SessionKeeper sessions, SharedReads reads, TimeProvider clock)
    {
        _lanes = lanes;
        _sessions = sessions;
        _reads = reads;
        _clock = clock;
        _loop = RunAsync();
    }

    /// <summary>Notes that a contender has left the directory.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="free">Whether it may well be empty now.</param>
    internal void Note(string path, bool free)
    {
        long now = _clock.GetTimestamp();
        lock (_gate)
        {
            if (_entries.TryGetValue(path, out Entry known))
            {
                _entries[path] = known with { Free = free, LeftAt = now };
            }
            else if (_entries.Count < MaxRemembered)
            {
                _entries.Add(path, new Entry(free, now, long.MinValue));
            }
        }
    }

    /// <summary>
    /// Begins to take a lock that is believed to be free. One caller of this instance does that at a time: all but one would be refused,
    /// at the expense of everything else in their batch. Call <see cref="EndTaking"/> afterwards.
    /// </summary>
    internal bool TryTakeBelieved(string path)
    {
        lock (_gate)
        {
            bool believed = _entries.TryGetValue(path, out Entry known) && known.Free && known.DoubtedUntil <= _clock.GetTimestamp();
            return believed && _taking.TryAdd(path, NewSignal());
        }
    }

    /// <summary>The same for a lock that was seen to be free.</summary>
    /// <returns>Null if the caller may go on; otherwise completes when somebody else here has finished with it.</returns>
    internal Task? TryTakeSeen(string path)
    {
        lock (_gate)
        {
            return _taking.TryAdd(path, NewSignal()) ? null : _taking[path].Task;
        }
    }

    /// <summary>The lock was taken, or was not free.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="wasFree">False if the belief was wrong.</param>
    internal void EndTaking(string path, bool wasFree)
    {
        lock (_gate)
        {
            if (_taking.Remove(path, out TaskCompletionSource? taking))
            {
                taking.SetResult();
            }

            if (_entries.TryGetValue(path, out Entry known))
            {
                long doubtedUntil = wasFree ? known.DoubtedUntil : _clock.GetTimestamp() + (long)(s_doubt.TotalSeconds * _clock.TimestampFrequency);
                _entries[path] = known with { Free = false, DoubtedUntil = doubtedUntil };
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
        using var timer = new PeriodicTimer(s_interval, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_disposing.Token).ConfigureAwait(false))
            {
                foreach (string[] batch in TakeIdle().Chunk(BatchSize))
                {
                    await Task.WhenAll(batch.Select(RemoveAsync)).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private List<string> TakeIdle()
    {
        lock (_gate)
        {
            List<string> idle = [.. _entries.Where(entry => _clock.GetElapsedTime(entry.Value.LeftAt) > s_idleTime).Select(entry => entry.Key)];
            idle.ForEach(path => _entries.Remove(path));
            return idle;
        }
    }

    /// <summary>Looks first, since a refused unit costs its batch a round trip.</summary>
    private async Task RemoveAsync(string path)
    {
        try
        {
            DirectoryListing? listing = await _reads.ListAsync(_sessions.Current, path, latest: false, _disposing.Token).ConfigureAwait(false);
            if (listing is { Names.Count: 0 })
            {
                // NotEmpty: somebody came, and whoever leaves last will note it again. NoNode: the server was faster.
                await _lanes.CommitAsync(new CommitUnit(path).Delete(path, -1), _lanes.NewDeadline(), _disposing.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is ZooKeeperException or CoordinationException)
        {
            Note(path, free: false);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="Free">Whether the lock is believed to be free.</param>
    /// <param name="LeftAt">When a contender last left, as a timestamp of the clock.</param>
    /// <param name="DoubtedUntil">Until when nothing is believed.</param>
    private readonly record struct Entry(bool Free, long LeftAt, long DoubtedUntil);
}
