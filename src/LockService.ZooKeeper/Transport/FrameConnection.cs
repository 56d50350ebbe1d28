using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Transport;

/// <summary>
/// A connection, plain or encrypted, that carries length-prefixed frames. Blocking on purpose: one thread reads and one writes, so that a starved thread
/// pool can neither delay a ping nor the reading of its answer.
/// </summary>
internal sealed class FrameConnection : IDisposable
{
    private const int UsualBuffer = 64 * 1024;
    private const int LargestKept = 1024 * 1024;

    /// <summary>How soon an attempt to connect notices that it was aborted.</summary>
    private static readonly TimeSpan s_abortInterval = TimeSpan.FromMilliseconds(50);

    private readonly Socket _socket;
    private readonly ServerAddress _server;
    private readonly int _maxFrame;
    private readonly TimeProvider _clock;
    private SocketStream? _transport;
    private Stream? _stream;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(UsualBuffer);
    private int _start;
    private int _end;
    private volatile bool _aborted;

    /// <summary>Makes a connection that is not open yet, so that <see cref="Abort"/> works from the beginning.</summary>
    internal FrameConnection(ServerAddress server, int maxFrame, TimeProvider clock)
    {
        _socket = new Socket(server.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _server = server;
        _maxFrame = maxFrame;
        _clock = clock;
    }

    internal IPEndPoint Server => _server.EndPoint;

    /// <summary>Whether the next frame has arrived as a whole, so that <see cref="ReadFrame"/> will not block.</summary>
    internal bool HasFrame =>
        _end - _start >= sizeof(int) && _end - _start - sizeof(int) >= BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start));

    /// <summary>Memory held for receiving; for the test that it is given back.</summary>
    internal int BufferBytes => _buffer.Length;

    /// <summary>Connects, and encrypts the connection if there are options for that.</summary>
    /// <param name="connecting">How long TCP may take to connect.</param>
    /// <param name="opening">How long everything may take until <see cref="SetIdleLimit"/> is called.</param>
    /// <param name="tls">Null for a connection in clear.</param>
    /// <exception cref="SocketException">Refused, unreachable, aborted, or not connected within the time.</exception>
    /// <exception cref="TlsRefusedException">The connection could not be encrypted.</exception>
    internal void Open(TimeSpan connecting, TimeSpan opening, TlsOptions? tls)
    {
        long start = _clock.GetTimestamp();
        Connect(connecting);
        _transport = new SocketStream(_socket, _clock, opening - _clock.GetElapsedTime(start));
        _stream = tls is null ? _transport : TlsChannel.Open(_transport, tls, _server.Host);
    }

    /// <summary>How long from now on a read or a write may make no progress before it fails with <see cref="SocketError.TimedOut"/>.</summary>
    internal void SetIdleLimit(TimeSpan limit) => _transport!.SetIdleLimit(limit);

    /// <summary>Sends all bytes.</summary>
    /// <exception cref="SocketException">The connection is lost; some of the bytes may have left.</exception>
    /// <exception cref="IOException">As above, seen by TLS.</exception>
    internal void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream!.Write(bytes);
        }
        catch (IOException e)
        {
            throw Unwrapped(e);
        }
    }

    /// <summary>Blocks for the next frame. The span is valid until the next call.</summary>
    /// <exception cref="SocketException">The connection is lost or has been idle for too long.</exception>
    /// <exception cref="TlsRefusedException">As above, seen by TLS; also a refusal of our certificate, which TLS 1.3 tells this late.</exception>
    /// <exception cref="EndOfStreamException">The server closed the connection.</exception>
    /// <exception cref="ProtocolException">The length is negative or above the limit.</exception>
    internal ReadOnlySpan<byte> ReadFrame()
    {
        Fill(sizeof(int));
        int length = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start));
        if (length < 0 || length > _maxFrame)
        {
            throw new ProtocolException($"a frame of {length} bytes, where at most {_maxFrame} are accepted");
        }

        Fill(sizeof(int) + length);
        ReadOnlySpan<byte> frame = _buffer.AsSpan(_start + sizeof(int), length);
        _start += sizeof(int) + length;
        return frame;
    }

    /// <summary>Breaks the connection: both threads get an error from what they are blocked in. May be called by any thread.</summary>
    internal void Abort()
    {
        _aborted = true;
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is broken already, or not connected yet; Open looks at the flag.
        }
    }

    /// <summary>Closes the socket. Only for the reading thread, after its last read.</summary>
    public void Dispose()
    {
        _stream?.Dispose();
        _socket.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    /// <summary>
    /// Connects on a thread of its own, which can be given up. The usual way to limit the time, a non-blocking socket and a poll, is not
    /// taken: the runtime never makes such a socket block again but emulates it, and every read then costs a failed call, a poll and a
    /// wake-up (about a third of the client's CPU time, and 65 bytes a request).
    /// </summary>
    private void Connect(TimeSpan atMost)
    {
        Exception? failure = null;
        var attempt = new Thread(() =>
        {
            try
            {
                _socket.Connect(Server);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                failure = e;
            }
        })
        { IsBackground = true, Name = "zookeeper-connect" };
        long start = _clock.GetTimestamp();
        attempt.Start();
        while (!attempt.Join(s_abortInterval))
        {
            if (_aborted || _clock.GetElapsedTime(start) > atMost)
            {
                _socket.Dispose();
                throw new SocketException((int)(_aborted ? SocketError.OperationAborted : SocketError.TimedOut));
            }
        }

        // Aborted before the socket was connecting, which the system need not have kept in mind.
        if (_aborted)
        {
            throw new SocketException((int)SocketError.OperationAborted);
        }

        if (failure is not null)
        {
            throw failure as SocketException ?? new SocketException((int)SocketError.OperationAborted);
        }
    }

    private int Receive(Span<byte> buffer)
    {
        try
        {
            return _stream!.Read(buffer);
        }
        catch (IOException e)
        {
            throw Unwrapped(e);
        }
    }

    /// <summary>TLS wraps what the socket says.</summary>
    private Exception Unwrapped(IOException e) =>
        e.InnerException is SocketException inner ? inner : new TlsRefusedException(_server.Host, e);

    private void Fill(int wanted)
    {
        if (_end - _start >= wanted)
        {
            return;
        }

        // One large reply must not leave every connection with a large buffer.
        bool oversized = _buffer.Length > LargestKept && Math.Max(wanted, _end - _start) <= UsualBuffer;
        if (_buffer.Length - _start < wanted || oversized)
        {
            MoveTo(wanted <= _buffer.Length && !oversized ? _buffer : ArrayPool<byte>.Shared.Rent(Math.Max(wanted, UsualBuffer)));
        }
        else if (_start == _end)
        {
            _start = _end = 0;
        }

        while (_end - _start < wanted)
        {
            int received = Receive(_buffer.AsSpan(_end));
            _end += received > 0 ? received : throw new EndOfStreamException("The server closed the connection.");
        }
    }

    /// <summary>Moves what has not been read to the start of a buffer, which may be the present one.</summary>
    private void MoveTo(byte[] target)
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(target);
        if (target != _buffer)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = target;
        }

        _end -= _start;
        _start = 0;
    }
}
