using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Transport;
using Microsoft.Extensions.Logging;

namespace LockService.ZooKeeper.Session;

/// <summary>The receiving half of a connection: pairs replies with requests and hands notifications to the watches.</summary>
internal sealed partial class ConnectionReader(FrameConnection connection, RequestQueue queue, WatchTable watches, SignsOfLife life, ILogger logger)
{
    private const string Presented = "What this connection has presented";

    /// <summary>Reads until the session ends or the connection breaks.</summary>
    /// <param name="lastZxid">
    /// Raised by ordinary replies only. Notifications must not raise it: one transaction yields several with one zxid, and a reconnect
    /// between them would lose the later ones.
    /// </param>
    /// <exception cref="AuthenticationRefusedException">The server enforces an authentication.</exception>
    internal SessionEnd Run(ref long lastZxid)
    {
        while (true)
        {
            if (!connection.HasFrame)
            {
                queue.GiveWayIfPipelined();
            }

            var reader = new JuteReader(connection.ReadFrame());
            int xid = reader.ReadInt();
            long zxid = reader.ReadLong();
            var error = (ErrorCode)reader.ReadInt();
            switch (xid)
            {
                case Xid.Ping:
                    AuthenticationRefusedException.ThrowIf(error, Presented);
                    life.PingAnswered();
                    break;
                case Xid.Notification:
                    Notify(ref reader);
                    break;
                case Xid.SetWatches when error != ErrorCode.Ok:
                    AuthenticationRefusedException.ThrowIf(error, Presented);
                    throw new ProtocolException($"a refusal to register the watches ({error})");
                case Xid.SetWatches:
                    break;
                default:
                    PendingRequest request = queue.TakeAnswered(xid);
                    life.Answered(request.SentAt);
                    lastZxid = Math.Max(lastZxid, zxid);
                    // What cannot be read stays open until the connection is gone: what its caller does next must not meet this one.
                    ErrorCode outcome = request.Complete(error, ref reader, watches);
                    queue.AnswerRead();
                    if (EndOf(request, outcome) is { } end)
                    {
                        return end;
                    }

                    break;
            }
        }
    }

    private void Notify(ref JuteReader reader)
    {
        var type = (WatchEventType)reader.ReadInt();
        reader.ReadInt();
        string path = reader.ReadString();
        if (type is < WatchEventType.NodeCreated or > WatchEventType.NodeChildrenChanged)
        {
            Log.UnknownNotification(logger, (int)type, path);
            return;
        }

        watches.Notify(type, path);
    }

    private static SessionEnd? EndOf(PendingRequest request, ErrorCode error)
    {
        AuthenticationRefusedException.ThrowIf(error, Presented);
        return error switch
        {
            ErrorCode.SessionExpired => SessionEnd.Expired,
            // Of no use on this server any more, and for ever: only a new connection helps.
            ErrorCode.SessionMoved => throw new ProtocolException("that the session has moved to another server"),
            _ => request.Op == OpCode.CloseSession ? SessionEnd.Closed : null,
        };
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "ZooKeeper sent a notification of the unknown type {Type} for {Path}; it was ignored")]
        internal static partial void UnknownNotification(ILogger logger, int type, string path);
    }
}
