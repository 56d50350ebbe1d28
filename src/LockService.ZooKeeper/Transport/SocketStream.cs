using System.Net.Sockets;

namespace LockService.ZooKeeper.Transport;

/// <summary>
/// A connected socket as a stream whose reads and writes block for a limited time. While a connection is being opened all of them
/// together have one deadline, so that a server that trickles bytes cannot use up the session; afterwards each has a limit of its own.
/// </summary>
internal sealed class SocketStream(Socket socket, TimeProvider clock, TimeSpan opening) : NetworkStream(socket, ownsSocket: false)
{
    private readonly long _start = clock.GetTimestamp();
    private TimeSpan? _opening = opening;

    /// <summary>Ends the opening. Not while another thread reads or writes.</summary>
    internal void SetIdleLimit(TimeSpan limit)
    {
        _opening = null;
        SetTimeouts(limit);
    }

    /// <exception cref="SocketException">The connection is lost, or nothing came in time.</exception>
    public override int Read(Span<byte> buffer)
    {
        CheckDeadline();
        return Socket.Receive(buffer);
    }

    /// <exception cref="SocketException">The connection is lost, or the server did not take the bytes in time.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        CheckDeadline();
        while (!buffer.IsEmpty)
        {
            buffer = buffer[Socket.Send(buffer)..];
        }
    }

    private void CheckDeadline()
    {
        if (_opening is { } limit)
        {
            TimeSpan left = limit - clock.GetElapsedTime(_start);
            SetTimeouts(left > TimeSpan.Zero ? left : throw new SocketException((int)SocketError.TimedOut));
        }
    }

    private void SetTimeouts(TimeSpan limit)
    {
        Socket.ReceiveTimeout = Math.Max(1, (int)limit.TotalMilliseconds);
        Socket.SendTimeout = Math.Max(1, (int)limit.TotalMilliseconds);
    }
}
