using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Removes the directories of locks that were used and are no longer. ZooKeeper does that too, but at most 10,000 a minute, and names
/// used once would pile up.
/// </summary>
internal sealed class IdleDirectories : IAsyncDisposable
{
    /// <summary>How long a directory stays after its last release: a lock in use is not made anew for every holder.</summary>
    private static readonly TimeSpan s_idleTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    /// <summary>Deletes sent at once.</summary>
    private const int BatchSize = 200;

    private readonly SessionKeeper _sessions;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _lastUsed = [];
    private readonly CancellationTokenSource _disposing = new();
    private readonly Task _loop;

    internal IdleDirectories(SessionKeeper sessions, TimeProvider clock)
    {
        _sessions = sessions;
        _clock = clock;
        _loop = RunAsync();
    }

    /// <summary>Notes that a contender has left the directory.</summary>
    internal void Note(string path)
    {
        lock (_gate)
        {
            _lastUsed[path] = _clock.GetTimestamp();
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
                    await Task.WhenAll(batch.Select(DeleteAsync)).ConfigureAwait(false);
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
            List<string> idle = [.. _lastUsed.Where(entry => _clock.GetElapsedTime(entry.Value) > s_idleTime).Select(entry => entry.Key)];
            idle.ForEach(path => _lastUsed.Remove(path));
            return idle;
        }
    }

    private async Task DeleteAsync(string path)
    {
        try
        {
            await _sessions.Current.DeleteAsync(path, cancellation: _disposing.Token).ConfigureAwait(false);
        }
        catch (RequestRefusedException)
        {
            // NotEmpty: somebody came, and whoever leaves last will note it again. NoNode: the server was faster.
        }
        catch (ZooKeeperException)
        {
            Note(path);
        }
    }
}
