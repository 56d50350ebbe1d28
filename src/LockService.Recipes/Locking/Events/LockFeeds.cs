using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Locking.Events;

/// <summary>
/// The feeds of all locks that somebody listens to in this instance. A feed stays for a while after the last listener has gone, so that one
/// whose connection broke can go on where he was.
/// </summary>
internal sealed class LockFeeds(LockServices services, ILogger<LockFeeds> logger) : IAsyncDisposable
{
    /// <summary>Listeners at once; each has a connection, and a lock's first one a watch of ZooKeeper's.</summary>
    internal const int MaxListeners = 1_000;

    private static readonly TimeSpan s_linger = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = [];
    private int _listeners;

    /// <summary>Listens to a lock; dispose the result to stop.</summary>
    /// <exception cref="TooManyWaitersException">So many listen already.</exception>
    internal Listener Listen(string name)
    {
        lock (_gate)
        {
            if (_listeners == MaxListeners)
            {
                throw new TooManyWaitersException(MaxListeners);
            }

            _listeners++;
            if (!_entries.TryGetValue(name, out Entry? entry))
            {
                _entries.Add(name, entry = new Entry(new LockFeed(services, name, logger)));
            }

            entry.Listeners++;
            return new Listener(this, name, entry.Feed);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Entry[] entries;
        lock (_gate)
        {
            entries = [.. _entries.Values];
            _entries.Clear();
        }

        foreach (Entry entry in entries)
        {
            await entry.Feed.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Leave(string name)
    {
        lock (_gate)
        {
            _listeners--;
            if (_entries.TryGetValue(name, out Entry? entry) && --entry.Listeners == 0)
            {
                _ = CloseLaterAsync(name, entry, ++entry.Departures);
            }
        }
    }

    private async Task CloseLaterAsync(string name, Entry entry, int departure)
    {
        await Task.Delay(s_linger, services.Clock, services.Draining).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            // Whoever shuts down closes all that are left.
            if (services.Draining.IsCancellationRequested || entry.Listeners > 0 || entry.Departures != departure || !_entries.Remove(name))
            {
                return;
            }
        }

        await entry.Feed.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>One who listens.</summary>
    internal sealed class Listener(LockFeeds feeds, string name, LockFeed feed) : IDisposable
    {
        private int _left;

        internal LockFeed Feed => feed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                feeds.Leave(name);
            }
        }
    }

    private sealed class Entry(LockFeed feed)
    {
        internal LockFeed Feed => feed;

        internal int Listeners { get; set; }

        internal int Departures { get; set; }
    }
}
