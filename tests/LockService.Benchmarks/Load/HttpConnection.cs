using System.Net;
using System.Net.Sockets;

namespace LockService.Benchmarks.Load;

/// <summary>A keep-alive connection with one request under way at most; never blocks once it is connected.</summary>
internal sealed class HttpConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[16 * 1024];
    private int _received;

    internal HttpConnection(IPEndPoint server)
    {
        _socket.Connect(server);
        _socket.Blocking = false;
    }

    internal void WatchWith(Epoll epoll, int number) => epoll.Watch(_socket, number);

    /// <summary>Sends a request; it is small, so that it always fits into the empty buffer of the socket.</summary>
    internal void Send(ReadOnlyMemory<byte> request)
    {
        if (_socket.Send(request.Span, SocketFlags.None, out SocketError error) != request.Length)
        {
            throw new InvalidOperationException($"A request could not be sent: {error}.");
        }
    }

    /// <summary>Reads what is there.</summary>
    /// <returns>False if the answer is not complete yet. The answer is valid until the next call.</returns>
    internal bool TryReceive(out HttpAnswer answer)
    {
        if (_received == _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        }

        int count = _socket.Receive(_buffer.AsSpan(_received), SocketFlags.None, out SocketError error);
        if (error == SocketError.WouldBlock)
        {
            answer = default;
            return false;
        }

        if (count == 0)
        {
            throw new InvalidOperationException($"The server closed a connection ({error}).");
        }

        _received += count;
        if (!HttpAnswer.TryRead(_buffer.AsSpan(0, _received), out answer))
        {
            return false;
        }

        if (answer.Length != _received)
        {
            throw new InvalidDataException("An answer is followed by something that nobody asked for.");
        }

        _received = 0;
        return true;
    }

    public void Dispose() => _socket.Dispose();
}
