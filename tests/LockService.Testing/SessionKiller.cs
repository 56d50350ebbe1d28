using System.Buffers.Binary;
using System.Net.Sockets;
using LockService.ZooKeeper.Protocol;

namespace LockService.Testing;

/// <summary>
/// Ends somebody's session: connects with the same id and password, which takes the session over, and closes it. The owner then learns
/// of it as of an expiry.
/// </summary>
internal static class SessionKiller
{
    internal static async Task KillAsync(int port, long sessionId, byte[] password, CancellationToken cancellationToken = default)
    {
        if (!await TryCloseAsync(port, sessionId, password, cancellationToken))
        {
            throw new InvalidOperationException($"There is no session 0x{sessionId:x} with that password.");
        }

        // The owner may have taken the session back before it was closed: only a server that does not know it any more is proof.
        await Eventually.TrueAsync("the session is gone", async () => !await TryCloseAsync(port, sessionId, password, cancellationToken));
    }

    /// <returns>False if the server knows no such session.</returns>
    private static async Task<bool> TryCloseAsync(int port, long sessionId, byte[] password, CancellationToken cancellationToken)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", port, cancellationToken);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Frames(sessionId, password), cancellationToken);
        try
        {
            byte[] response = await ReadFrameAsync(stream, cancellationToken);
            if (BinaryPrimitives.ReadInt32BigEndian(response.AsSpan(sizeof(int))) <= 0)
            {
                return false;
            }

            await ReadFrameAsync(stream, cancellationToken);
        }
        catch (IOException)
        {
            // Thrown out by the owner's own reconnect.
        }

        return true;
    }

    /// <summary>Both requests in one segment, since the owner reconnects at once.</summary>
    private static byte[] Frames(long sessionId, byte[] password)
    {
        using var writer = new JuteWriter();
        new ConnectRequest(0, 10_000, sessionId, password).WriteTo(writer);
        int frame = writer.BeginFrame();
        // Far from the owner's own numbers, so that no reply can be taken for an answer to one of his requests.
        writer.WriteInt(int.MaxValue);
        writer.WriteInt((int)OpCode.CloseSession);
        writer.EndFrame(frame);
        return writer.Written.ToArray();
    }

    private static async Task<byte[]> ReadFrameAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        byte[] length = new byte[sizeof(int)];
        await stream.ReadExactlyAsync(length, cancellationToken);
        byte[] frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
        await stream.ReadExactlyAsync(frame, cancellationToken);
        return frame;
    }
}
