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

    /// <summary>
    /// How long TCP may take to connect, within the attempt's share of the session timeout: an address that swallows packets must not use
    /// up what is left of the session. One second is the first retransmission of a lost SYN, which the next round makes anyway.
    /// </summary>
    private static readonly TimeSpan s_connectLimit = TimeSpan.FromSeconds(1);

    private readonly ZooKeeperOptions _options;
    private readonly ILogger _logger;
    private readonly RequestQueue _queue;
    private readonly WatchTable _watches = new();
    private readonly ServerList _servers;
    private readonly Backoff _backoff;
    private readonly SilentRefusals _refusals;
    private readonly SignsOfLife _life;
    private readonly object _pause = new();
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile FrameConnection? _connection;
    private volatile SessionIdentity _identity = SessionIdentity.None;
    private volatile SessionStatus _status;
    private bool _stopped;
    private long _lastZxid;
    private long? _connectedSince;
    private string? _failure;
    private bool _everConnected;

    internal SessionLoop(ZooKeeperOptions options, ILogger logger)
    {
        _options = options;
        _logger = logger;
        _queue = new RequestQueue(options.MaxInFlight, options.MaxQueued, options.Clock);
        _backoff = new Backoff(options.Clock);
        _refusals = new SilentRefusals(options.Clock);
        _life = new SignsOfLife(options.Clock);
        _servers = new ServerList(options.Servers.Servers, new NameResolver());
        _status = new SessionStatus(SessionState.Connecting, null, null, options.Clock.GetTimestamp());
        Telemetry.Started(this);
        new Thread(Run) { IsBackground = true, Name = "zookeeper-session" }.Start();
    }

    internal SessionStatus Status => _status;

    internal SessionIdentity Identity => _identity;

    internal WatchTable Watches => _watches;

    internal int InFlight => _queue.InFlight;

    internal int Queued => _queue.Queued;

    /// <summary>See <see cref="ZooKeeperClient.AliveUntil"/>.</summary>
    internal long AliveUntil =>
        _life.Newest is > 0 and long newest ? newest + (long)(_identity.Timeout.TotalSeconds * _options.Clock.TimestampFrequency) : 0;

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

        request.ObserveWith(_options.Clock);
        _queue.Enqueue(request);
        request.CancelWith(_queue, cancellation);
        return request.Task;
    }

    /// <summary>See <see cref="ZooKeeperClient.UpdateServers"/>.</summary>
    internal void UpdateServers(IReadOnlyList<ServerName> servers) => _servers.Replace(servers);

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
            bool roundEnded = false;
            ServerAddress? server = null;
            _connectedSince = null;
            try
            {
                server = _servers.Next(out roundEnded);
                end = Attempt(server);
            }
            catch (AuthenticationRefusedException e)
            {
                Log.AuthenticationFailed(_logger, server?.EndPoint, _identity.Id, e.Message);
                _failure = e.Message;
                end = SessionEnd.AuthenticationFailed;
            }
            catch (Exception e) when (IsConnectionFailure(e))
            {
                Report(server?.EndPoint, e);
            }

            if (end is null)
            {
                TimeSpan lasted = _connectedSince is { } since ? _options.Clock.GetElapsedTime(since) : TimeSpan.Zero;
                Pause(_backoff.After(lasted, roundEnded));
            }
        }

        Finish(end ?? SessionEnd.Closed);
    }

    /// <summary>The whole life of one connection.</summary>
    /// <returns>Why the session has ended; null if it was stopped before the connection was made.</returns>
    private SessionEnd? Attempt(ServerAddress server)
    {
        using var connection = new FrameConnection(server, _options.MaxReplyBytes, _options.Clock);
        _connection = connection;
        try
        {
            if (Stopped)
            {
                return null;
            }

            TimeSpan limit = AttemptLimit();
            connection.Open(limit < s_connectLimit ? limit : s_connectLimit, limit, _options.Tls);
            return Establish(connection) ?? Serve(connection);
        }
        finally
        {
            _connection = null;
        }
    }

    private void Report(IPEndPoint? server, Exception failure)
    {
        if (Stopped)
        {
            return;
        }

        Log.ConnectionLost(_logger, server, _identity.Id, failure.Message);
        if (_connectedSince is null)
        {
            SetStatus(new SessionStatus(SessionState.Connecting, null, null, _status.Since) { Failure = failure.Message });
        }

        if (failure is not SilentRefusalException)
        {
            _refusals.Reset();
        }
        else if (_identity.Id != 0 && _refusals.Add(_identity.Timeout))
        {
            Log.RefusedByAll(_logger, _identity.Id, _lastZxid, _identity.Timeout.TotalSeconds);
        }
    }

    /// <summary>
    /// Leaves every server its share of the session timeout, so that all can be tried before the session is lost; and a third at most, since
    /// a server that is just starting now and then accepts a connection and never answers, and may be the only one.
    /// </summary>
    private TimeSpan AttemptLimit()
    {
        TimeSpan timeout = _identity.Timeout > TimeSpan.Zero ? _identity.Timeout : _options.SessionTimeout;
        return timeout / Math.Max(_servers.Count, 3);
    }

    private void Pause(TimeSpan time)
    {
        lock (_pause)
        {
            if (!_stopped && time > TimeSpan.Zero)
            {
                Monitor.Wait(_pause, time);
            }
        }
    }

    /// <summary>Makes the connection ready for requests.</summary>
    /// <returns>Null once established, or why the session has ended.</returns>
    private SessionEnd? Establish(FrameConnection connection)
    {
        using var handshake = new Handshake(connection, _options);
        long asked = _options.Clock.GetTimestamp();
        if (handshake.OpenSession(_identity, _lastZxid) is not { } identity)
        {
            return SessionEnd.Expired;
        }

        _identity = identity;
        _life.Answered(asked);
        Authenticate(handshake);
        connection.SetIdleLimit(_identity.Timeout * 2 / 3);
        handshake.RegisterWatches(_lastZxid, _watches.Reconnect());
        _watches.ReportGap();
        return null;
    }

    private void Authenticate(Handshake handshake)
    {
        try
        {
            handshake.Authenticate(_queue.TakeXid);
            _refusals.CredentialAccepted();
        }
        catch (CredentialIgnoredException e) when (_refusals.AddIgnoredCredential())
        {
            throw new AuthenticationRefusedException($"{e.Reason}, time after time.");
        }
    }

    /// <summary>Runs an established connection until it breaks or the session ends.</summary>
    private SessionEnd? Serve(FrameConnection connection)
    {
        _connectedSince = _options.Clock.GetTimestamp();
        if (_everConnected)
        {
            Telemetry.Reconnects.Add(1);
        }

        _everConnected = true;
        _refusals.Reset();
        Log.Connected(_logger, connection.Server, _identity.Id, _identity.Timeout.TotalMilliseconds);
        SetStatus(new SessionStatus(SessionState.Connected, connection.Server, null, _options.Clock.GetTimestamp()));
        var writer = new ConnectionWriter(connection, _queue, _life, _options, _identity.Timeout / 3);
        writer.Start();
        string reason = "the connection was lost.";
        Exception? cause = null;
        try
        {
            return new ConnectionReader(connection, _queue, _watches, _life, _logger).Run(ref _lastZxid);
        }
        catch (Exception e) when (IsConnectionFailure(e))
        {
            cause = writer.Failure ?? e;
            reason = cause.Message;
            throw new IOException(reason, cause);
        }
        catch (AuthenticationRefusedException e)
        {
            reason = e.Message;
            throw;
        }
        finally
        {
            connection.Abort();
            writer.Stop();
            long since = Earliest(_queue.OldestSentAt(), _life.OldestPing) ?? _options.Clock.GetTimestamp();
            _life.ConnectionLost();
            SetStatus(new SessionStatus(SessionState.Connecting, null, null, since) { Failure = reason });
            _queue.FailInFlight(reason, cause);
        }
    }

    private void Finish(SessionEnd end)
    {
        Log.Ended(_logger, _identity.Id, end);
        _queue.End(end, _failure);
        SetStatus(new SessionStatus(SessionState.Ended, null, end, _options.Clock.GetTimestamp()) { Failure = _failure });
        _watches.End();
        Telemetry.Ended(this, end);
        _finished.SetResult();
    }

    private void SetStatus(SessionStatus next)
    {
        SessionStatus previous = _status;
        _status = next;
        previous.Follow(next);
    }

    private static long? Earliest(long? one, long? other) => one is null || other < one ? other : one;

    private static bool IsConnectionFailure(Exception e) => e is SocketException or IOException or ProtocolException or ObjectDisposedException;

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "Connected to ZooKeeper at {Server}, session 0x{SessionId:x}, timeout {TimeoutMs} ms")]
        internal static partial void Connected(ILogger logger, IPEndPoint server, long sessionId, double timeoutMs);

        [LoggerMessage(2, LogLevel.Warning, "No connection to ZooKeeper at {Server}, session 0x{SessionId:x}: {Reason}")]
        internal static partial void ConnectionLost(ILogger logger, IPEndPoint? server, long sessionId, string reason);

        [LoggerMessage(3, LogLevel.Information, "ZooKeeper session 0x{SessionId:x} ended: {End}")]
        internal static partial void Ended(ILogger logger, long sessionId, SessionEnd end);

        [LoggerMessage(6, LogLevel.Error, "ZooKeeper at {Server}, session 0x{SessionId:x}: {Reason}")]
        internal static partial void AuthenticationFailed(ILogger logger, IPEndPoint? server, long sessionId, string reason);

        [LoggerMessage(4, LogLevel.Warning, "Closing ZooKeeper session 0x{SessionId:x} was not confirmed: {Reason}")]
        internal static partial void CloseUnconfirmed(ILogger logger, long sessionId, string reason);

        [LoggerMessage(
            5,
            LogLevel.Critical,
            "Every ZooKeeper server has refused session 0x{SessionId:x} without an answer for {Seconds} s. Unless the ensemble has lost its quorum, "
            + "its data is older than zxid 0x{Zxid:x}, which this session has seen: it may have been restored from a backup")]
        internal static partial void RefusedByAll(ILogger logger, long sessionId, long zxid, double seconds);
    }
}
