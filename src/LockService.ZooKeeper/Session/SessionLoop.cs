using System.Net;
using System.Net.Sockets;
using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Transport;
using Microsoft.Extensions.Logging;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// Decides over a session's life, on a thread of its own: connect, resume or end, read until the connection breaks, settle what was in
/// flight, connect again. <see cref="ConnectionReader"/> and <see cref="ConnectionWriter"/> are the two halves of one connection.
/// </summary>
internal sealed partial class SessionLoop
{
    /// <summary>How long a close may wait for the server's answer before it is left to the session timeout.</summary>
    private static readonly TimeSpan s_closeLimit = TimeSpan.FromSeconds(2);

    private readonly ZooKeeperOptions _options;
    private readonly ILogger _logger;
    private readonly RequestQueue _queue;
    private readonly WatchTable _watches = new();
    private readonly ServerList _servers;
    private readonly object _pause = new();
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile FrameConnection? _connection;
    private volatile SessionIdentity _identity = SessionIdentity.None;
    private volatile SessionStatus _status = new(SessionState.Connecting, null, null);
    private bool _stopped;
    private long _lastZxid;

    internal SessionLoop(ZooKeeperOptions options, ILogger logger)
    {
        _options = options;
        _logger = logger;
        _queue = new RequestQueue(options.MaxInFlight, options.MaxQueued, options.Clock);
        _servers = new ServerList(options.Servers.Servers);
        new Thread(Run) { IsBackground = true, Name = "zookeeper-session" }.Start();
    }

    internal SessionStatus Status => _status;

    internal SessionIdentity Identity => _identity;

    /// <summary>Read under the lock: whoever stops either sees the connection and aborts it, or is seen here.</summary>
    private bool Stopped
    {
        get
        {
            lock (_pause)
            {
                return _stopped;
            }
        }
    }

    internal Task<TReply> Send<TMessage, TReply>(PendingRequest<TMessage, TReply> request, CancellationToken cancellation)
        where TMessage : struct, IMessage<TReply>
    {
        if (cancellation.IsCancellationRequested)
        {
            return Task.FromException<TReply>(new RequestAbandonedException(RequestOutcome.NotSent, cancellation));
        }

        _queue.Enqueue(request);
        request.CancelWith(cancellation);
        return request.Task;
    }

    internal async ValueTask CloseAsync()
    {
        if (_status.State == SessionState.Connected && !Stopped)
        {
            var close = new PendingRequest<CloseSessionMessage, Nothing>(default, null);
            try
            {
                await Send(close, CancellationToken.None).WaitAsync(s_closeLimit, _options.Clock).ConfigureAwait(false);
            }
            catch (Exception e) when (e is ZooKeeperException or TimeoutException)
            {
                Log.CloseUnconfirmed(_logger, _identity.Id, e.Message);
            }
        }

        lock (_pause)
        {
            _stopped = true;
            Monitor.Pulse(_pause);
        }

        _connection?.Abort();
        await _finished.Task.ConfigureAwait(false);
    }

    private void Run()
    {
        SessionEnd? end = null;
        while (end is null && !Stopped)
        {
            bool wasConnected = false;
            bool roundEnded = false;
            IPEndPoint? server = null;
            try
            {
                server = _servers.Next(out roundEnded);
                using FrameConnection connection = FrameConnection.Open(server, AttemptLimit(), _options.MaxReplyBytes);
                _connection = connection;
                if (Stopped)
                {
                    break;
                }

                end = Establish(connection);
                wasConnected = end is null;
                end ??= Serve(connection);
            }
            catch (Exception e) when (IsConnectionFailure(e))
            {
                if (!Stopped)
                {
                    Log.ConnectionLost(_logger, server, _identity.Id, e.Message);
                }
            }
            finally
            {
                _connection = null;
            }

            if (end is null && !wasConnected)
            {
                Pause(roundEnded);
            }
        }

        Finish(end ?? SessionEnd.Closed);
    }

    /// <summary>Leaves every server its share of the session timeout, so that all can be tried before the session is lost.</summary>
    private TimeSpan AttemptLimit()
    {
        TimeSpan timeout = _identity.Timeout > TimeSpan.Zero ? _identity.Timeout : _options.SessionTimeout;
        return timeout / _servers.Count;
    }

    /// <summary>Short between different servers; up to a second after a full round, so that an outage causes no storm of attempts.</summary>
    private void Pause(bool roundEnded)
    {
        lock (_pause)
        {
            if (!_stopped)
            {
                Monitor.Wait(_pause, roundEnded ? Random.Shared.Next(400, 1000) : Random.Shared.Next(10, 100));
            }
        }
    }

    /// <summary>Opens or resumes the session, then registers the watches: before any request, so that no change falls between.</summary>
    /// <returns>Null once established, or why the session has ended.</returns>
    private SessionEnd? Establish(FrameConnection connection)
    {
        connection.SetIdleLimit(AttemptLimit());
        using var writer = new JuteWriter();
        var request = new ConnectRequest(_lastZxid, (int)_options.SessionTimeout.TotalMilliseconds, _identity.Id, _identity.Password);
        request.WriteTo(writer);
        connection.Send(writer.Written);

        ConnectResponse response;
        try
        {
            var reader = new JuteReader(connection.ReadFrame());
            response = ConnectResponse.ReadFrom(ref reader);
        }
        catch (EndOfStreamException)
        {
            throw new ProtocolException(
                "nothing and closed the connection: it is not serving, or has too many connections from here (maxClientCnxns), or is behind this session");
        }

        if (response.TimeoutMs <= 0 || response.SessionId == 0)
        {
            return _identity.Id != 0 ? SessionEnd.Expired : throw new ProtocolException("a refusal to open a new session");
        }

        // A server that hands out another session has lost ours, whatever it calls it.
        if (_identity.Id != 0 && response.SessionId != _identity.Id)
        {
            return SessionEnd.Expired;
        }

        if (response.ReadOnly)
        {
            throw new ProtocolException("that it is read-only, cut off from its quorum");
        }

        _identity = SessionIdentity.From(response);
        connection.SetIdleLimit(_identity.Timeout * 2 / 3);
        writer.Clear();
        SetWatchesFrame.WriteAll(writer, _lastZxid, _watches.All());
        connection.Send(writer.Written);
        return null;
    }

    /// <summary>Runs an established connection until it breaks or the session ends.</summary>
    private SessionEnd? Serve(FrameConnection connection)
    {
        Log.Connected(_logger, connection.Server, _identity.Id, _identity.Timeout.TotalMilliseconds);
        SetStatus(new SessionStatus(SessionState.Connected, connection.Server, null));
        var writer = new ConnectionWriter(connection, _queue, _options, _identity.Timeout / 3);
        writer.Start();
        string reason = "the connection was lost.";
        Exception? cause = null;
        SessionEnd? end = null;
        try
        {
            end = new ConnectionReader(connection, _queue, _watches).Run(ref _lastZxid);
            return end;
        }
        catch (Exception e) when (IsConnectionFailure(e))
        {
            (reason, cause) = (e.Message, e);
            throw;
        }
        finally
        {
            connection.Abort();
            writer.Stop();
            SetStatus(new SessionStatus(SessionState.Connecting, null, null));
            _queue.FailInFlight(reason, cause);
        }
    }

    private void Finish(SessionEnd end)
    {
        Log.Ended(_logger, _identity.Id, end);
        _queue.End(end);
        SetStatus(new SessionStatus(SessionState.Ended, null, end));
        _watches.End();
        _finished.SetResult();
    }

    private void SetStatus(SessionStatus next)
    {
        SessionStatus previous = _status;
        _status = next;
        previous.Follow(next);
    }

    private static bool IsConnectionFailure(Exception e) => e is SocketException or IOException or ProtocolException or ObjectDisposedException;

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "Connected to ZooKeeper at {Server}, session 0x{SessionId:x}, timeout {TimeoutMs} ms")]
        internal static partial void Connected(ILogger logger, IPEndPoint server, long sessionId, double timeoutMs);

        [LoggerMessage(2, LogLevel.Warning, "No connection to ZooKeeper at {Server}, session 0x{SessionId:x}: {Reason}")]
        internal static partial void ConnectionLost(ILogger logger, IPEndPoint? server, long sessionId, string reason);

        [LoggerMessage(3, LogLevel.Information, "ZooKeeper session 0x{SessionId:x} ended: {End}")]
        internal static partial void Ended(ILogger logger, long sessionId, SessionEnd end);

        [LoggerMessage(4, LogLevel.Warning, "Closing ZooKeeper session 0x{SessionId:x} was not confirmed: {Reason}")]
        internal static partial void CloseUnconfirmed(ILogger logger, long sessionId, string reason);
    }
}
