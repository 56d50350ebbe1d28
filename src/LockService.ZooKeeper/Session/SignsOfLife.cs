using System.Collections.Concurrent;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// What the answers of servers prove about the session: it was alive until its timeout after the newest answered packet was sent, since
/// whatever a server received restarted its timer. When the answer came proves nothing, as it may have been under way for long.
/// </summary>
internal sealed class SignsOfLife(TimeProvider clock)
{
    private readonly ConcurrentQueue<long> _pings = new();
    private long _newest;

    /// <summary>When the newest answered packet was sent; 0 if none was answered.</summary>
    internal long Newest => Interlocked.Read(ref _newest);

    /// <summary>When the oldest unanswered ping was sent; null if there is none.</summary>
    internal long? OldestPing => _pings.TryPeek(out long sent) ? sent : null;

    /// <summary>Call before the ping is sent.</summary>
    internal void PingSent() => _pings.Enqueue(clock.GetTimestamp());

    /// <summary>Pings are answered in their order.</summary>
    internal void PingAnswered()
    {
        if (_pings.TryDequeue(out long sent))
        {
            Answered(sent);
        }
    }

    /// <summary>Only for the session's own thread.</summary>
    internal void Answered(long sentAt) => Interlocked.Exchange(ref _newest, Math.Max(_newest, sentAt));

    /// <summary>What was under way on a broken connection will not be answered.</summary>
    internal void ConnectionLost() => _pings.Clear();
}
