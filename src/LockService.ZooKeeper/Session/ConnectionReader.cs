using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Transport;

namespace LockService.ZooKeeper.Session;

/// <summary>The receiving half of a connection: pairs replies with requests and hands notifications to the watches.</summary>
internal sealed class ConnectionReader(FrameConnection connection, RequestQueue queue, WatchTable watches)
{
    /// <summary>Reads until the session ends or the connection breaks.</summary>
    /// <param name="lastZxid">
    /// Raised by ordinary replies only. Notifications must not raise it: one transaction yields several with one zxid, and a reconnect
    /// between them would lose the later ones.
    /// </param>
    internal SessionEnd Run(ref long lastZxid)
    {
        while (true)
        {
            var reader = new JuteReader(connection.ReadFrame());
            int xid = reader.ReadInt();
            long zxid = reader.ReadLong();
            var error = (ErrorCode)reader.ReadInt();
            switch (xid)
            {
                case Xid.Ping:
                    break;
                case Xid.Notification:
                    Notify(ref reader);
                    break;
                case Xid.SetWatches when error != ErrorCode.Ok:
                    throw new ProtocolException($"a refusal to register the watches ({error})");
                case Xid.SetWatches:
                    break;
                default:
                    PendingRequest request = queue.TakeAnswered(xid);
                    lastZxid = Math.Max(lastZxid, zxid);
                    Complete(request, error, ref reader);
                    if (EndOf(request, error) is { } end)
                    {
                        return end;
                    }

                    break;
            }
        }
    }

    private void Complete(PendingRequest request, ErrorCode error, ref JuteReader body)
    {
        try
        {
            request.Complete(error, ref body, watches);
        }
        catch (ProtocolException e)
        {
            request.Fail(new OutcomeUnknownException("its reply could not be read.", e));
            throw;
        }
    }

    private void Notify(ref JuteReader reader)
    {
        var type = (WatchEventType)reader.ReadInt();
        reader.ReadInt();
        watches.Notify(type, reader.ReadString());
    }

    private static SessionEnd? EndOf(PendingRequest request, ErrorCode error) => error switch
    {
        ErrorCode.SessionExpired => SessionEnd.Expired,
        ErrorCode.AuthFailed or ErrorCode.SessionClosedRequireSaslAuth => SessionEnd.AuthenticationFailed,
        // Of no use on this server any more, and for ever: only a new connection helps.
        ErrorCode.SessionMoved => throw new ProtocolException("that the session has moved to another server"),
        _ => request.Op == OpCode.CloseSession ? SessionEnd.Closed : null,
    };
}
