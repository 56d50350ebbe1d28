using System.Net.Sockets;
using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Transport;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// The sending half of a connection, on a thread of its own: gathers waiting requests into few writes, pings when nothing was sent for a
/// third of the session timeout, and breaks a connection on which a request has stayed unanswered for too long.
/// </summary>
internal sealed class ConnectionWriter
{
    /// <summary>Enough to fill a few segments; more would only delay the first request of the batch.</summary>
    private const int BatchBytes = 64 * 1024;

    /// <summary>How often the oldest request's age is looked at while there is nothing to send.</summary>
    private static readonly TimeSpan s_checkInterval = TimeSpan.FromMilliseconds(250);

    private readonly FrameConnection _connection;
    private readonly RequestQueue _queue;
    private readonly SignsOfLife _life;
    private readonly ZooKeeperOptions _options;
    private readonly TimeSpan _pingInterval;
    private readonly Thread _thread;
    private volatile bool _stopped;
    private volatile Exception? _failure;

    internal ConnectionWriter(FrameConnection connection, RequestQueue queue, SignsOfLife life, ZooKeeperOptions options, TimeSpan pingInterval)
    {
        _connection = connection;
        _queue = queue;
        _life = life;
        _options = options;
        _pingInterval = pingInterval;
        _thread = new Thread(Run) { IsBackground = true, Name = "zookeeper-writer" };
    }

    /// <summary>Why this half broke the connection; null if it did not.</summary>
    internal Exception? Failure => _failure;

    internal void Start() => _thread.Start();

    /// <summary>Ends the thread and waits for it; the connection must have been aborted.</summary>
    internal void Stop()
    {
        _stopped = true;
        _queue.Wake();
        _thread.Join();
    }

    private void Run()
    {
        using var writer = new JuteWriter();
        long lastSent = _options.Clock.GetTimestamp();
        try
        {
            while (!_stopped)
            {
                writer.Clear();
                if (!_queue.TakeBatch(writer, BatchBytes, _options.MaxRequestBytes))
                {
                    TimeSpan idle = _options.Clock.GetElapsedTime(lastSent);
                    if (idle < _pingInterval)
                    {
                        TimeSpan untilPing = _pingInterval - idle;
                        _queue.WaitForWork(untilPing < s_checkInterval ? untilPing : s_checkInterval);
                        ThrowIfUnanswered();
                        _queue.GiveWayIfPipelined();
                        continue;
                    }

                    WritePing(writer);
                    _life.PingSent();
                }

                _connection.Send(writer.Written);
                lastSent = _options.Clock.GetTimestamp();
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or TimeoutException)
        {
            // The reader sees the broken connection and tells what was lost.
            _failure = e;
            _connection.Abort();
        }
    }

    internal static void WritePing(JuteWriter writer)
    {
        int frame = writer.BeginFrame();
        writer.WriteInt(Xid.Ping);
        writer.WriteInt((int)OpCode.Ping);
        writer.EndFrame(frame);
    }

    /// <summary>A missing reply need not mean a dead connection: pings may still be answered.</summary>
    private void ThrowIfUnanswered()
    {
        if (_queue.OldestSentAt() is { } sentAt && _options.Clock.GetElapsedTime(sentAt) > _options.RequestTimeout)
        {
            throw new TimeoutException($"A request stayed unanswered for more than {_options.RequestTimeout.TotalSeconds} s.");
        }
    }
}
