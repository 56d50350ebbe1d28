using System.Net.Sockets;
using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Transport;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// The first frames of a connection. Their order is the protocol's: the session, then who we are, then the watches, and only then
/// requests, so that none of them is made as nobody and no change falls between a watch and a read.
/// </summary>
internal sealed class Handshake(FrameConnection connection, ZooKeeperOptions options) : IDisposable
{
    private readonly JuteWriter _writer = new();

    /// <summary>Opens a new session, or resumes one.</summary>
    /// <returns>The session's identity from now on; null if the server does not know it any more.</returns>
    internal SessionIdentity? OpenSession(SessionIdentity identity, long lastZxid)
    {
        ConnectResponse response = Ask(new ConnectRequest(lastZxid, (int)options.SessionTimeout.TotalMilliseconds, identity.Id, identity.Password));

        // Asked first: what a server says of the session while it is cut off from the others proves nothing.
        if (response.ReadOnly)
        {
            throw new ProtocolException("that it is read-only, cut off from its quorum");
        }

        if (response.TimeoutMs <= 0 || response.SessionId == 0)
        {
            return identity.Id != 0 ? null : throw new ProtocolException("a refusal to open a new session");
        }

        // A server that hands out another session has lost ours, whatever it calls it.
        return identity.Id != 0 && response.SessionId != identity.Id ? null : SessionIdentity.From(response);
    }

    /// <summary>Proves or claims who we are, which belongs to the connection and not to the session.</summary>
    /// <param name="nextXid">Numbers the frames of SASL, which are ordinary ones.</param>
    /// <exception cref="AuthenticationRefusedException">It was refused.</exception>
    internal void Authenticate(Func<int> nextXid)
    {
        if (options.Credentials.Sasl is { } user)
        {
            LogIn(user, nextXid);
        }

        _writer.Clear();
        foreach (UserPassword digest in options.Credentials.Digest)
        {
            new AuthMessage("digest", digest.ToBytes()).WriteTo(_writer);
        }

        connection.Send(_writer.Written);
        for (int i = 0; i < options.Credentials.Digest.Count; i++)
        {
            ReadReply(Xid.Auth, "the scheme digest");
        }
    }

    /// <summary>Registers the watches; the replies come while requests are already under way.</summary>
    internal void RegisterWatches(long lastZxid, IReadOnlyList<(WatchKind Kind, string Path)> watches)
    {
        _writer.Clear();
        SetWatchesFrame.WriteAll(_writer, lastZxid, watches);
        connection.Send(_writer.Written);
    }

    public void Dispose() => _writer.Dispose();

    private ConnectResponse Ask(ConnectRequest request)
    {
        request.WriteTo(_writer);
        try
        {
            connection.Send(_writer.Written);
            var reader = new JuteReader(connection.ReadFrame());
            return ConnectResponse.ReadFrom(ref reader);
        }
        catch (Exception e) when (e is EndOfStreamException or SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown })
        {
            throw new SilentRefusalException(e);
        }
    }

    private void LogIn(UserPassword user, Func<int> nextXid)
    {
        byte[] challenge = Exchange([], nextXid());
        if (challenge.Length == 0)
        {
            throw new AuthenticationRefusedException("the server does not have SASL (authProvider with SASLAuthenticationProvider).");
        }

        var digest = new DigestMd5(user, challenge, DigestMd5.NewNonce());
        if (!digest.IsProof(Exchange(digest.Response(), nextXid())))
        {
            throw new AuthenticationRefusedException($"the server did not prove that it knows the password of SASL user '{user}'.");
        }
    }

    private byte[] Exchange(byte[] token, int xid)
    {
        _writer.Clear();
        new SaslMessage(token).WriteTo(_writer, xid);
        connection.Send(_writer.Written);
        JuteReader body = ReadReply(xid, $"SASL user '{options.Credentials.Sasl}'");
        return body.ReadBuffer();
    }

    /// <summary>Reads the next frame, which can only be this reply: nothing else has been asked for on this connection yet.</summary>
    private JuteReader ReadReply(int expected, string credential)
    {
        try
        {
            var reader = new JuteReader(connection.ReadFrame());
            int xid = reader.ReadInt();
            reader.ReadLong();
            var error = (ErrorCode)reader.ReadInt();
            if (xid != expected)
            {
                throw new ProtocolException($"a reply to request {xid} instead of to an authentication");
            }

            AuthenticationRefusedException.ThrowIf(error, credential);
            return error == ErrorCode.Ok ? reader : throw new ProtocolException($"the error {error} when {credential} was presented");
        }
        catch (Exception e) when (e is EndOfStreamException or SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown })
        {
            throw new CredentialIgnoredException($"the server closed the connection without an answer when {credential} was presented", e);
        }
    }
}

/// <summary>The server refused who we are, or could not prove who it is. Final: nothing is ever done as nobody instead.</summary>
internal sealed class AuthenticationRefusedException(string reason) : Exception($"Authentication failed: {reason}")
{
    internal static void ThrowIf(ErrorCode error, string credential)
    {
        if (error == ErrorCode.SessionClosedRequireSaslAuth)
        {
            throw new AuthenticationRefusedException($"{credential} is not the authentication that the server enforces ({error}).");
        }

        if (error == ErrorCode.AuthFailed)
        {
            throw new AuthenticationRefusedException($"{credential} was refused ({error}).");
        }
    }
}
