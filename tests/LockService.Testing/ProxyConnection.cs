using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace LockService.Testing;

/// <summary>
/// One connection through a <see cref="ZooKeeperProxy"/>: two threads that pass frames on. Threads of their own, so that a test that
/// starves the thread pool starves only what it means to.
/// </summary>
internal sealed class ProxyConnection : IDisposable
{
    private readonly ZooKeeperProxy _proxy;
    private readonly int _number;
    private readonly Socket _client;
    private readonly Socket _server = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly ConcurrentDictionary<int, ProxyFault> _faults = new();
    private readonly Lock _clientGate = new();
    private readonly List<byte[]> _held = [];
    private int _openHalves = 2;

    internal ProxyConnection(ZooKeeperProxy proxy, int number, Socket client)
    {
        _proxy = proxy;
        _number = number;
        _client = client;
        _client.NoDelay = true;
    }

    internal void Start(int targetPort) =>
        new Thread(() => Run(targetPort)) { IsBackground = true, Name = $"proxy-requests-{_number}" }.Start();

    public void Dispose() => Cut(reset: false);

    /// <summary>Ends both sides, at once with a reset or in good order.</summary>
    internal void Cut(bool reset)
    {
        foreach (Socket socket in (Socket[])[_client, _server])
        {
            try
            {
                if (reset)
                {
                    socket.LingerState = new LingerOption(true, 0);
                }
                else
                {
                    socket.Shutdown(SocketShutdown.Both);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Closed already.
            }

            socket.Dispose();
        }

        _proxy.Forget(this);
    }

    /// <summary>Sends bytes to the client between two frames.</summary>
    internal void SendToClient(byte[] bytes, bool oneByOne = false)
    {
        lock (_clientGate)
        {
            for (int i = 0; oneByOne && i < bytes.Length; i++)
            {
                _client.Send(bytes.AsSpan(i, 1));
            }

            if (!oneByOne)
            {
                _client.Send(bytes);
            }
        }
    }

    private void Run(int targetPort)
    {
        try
        {
            _server.Connect(IPAddress.Loopback, targetPort);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody is there, or the connection was cut before it was whole.
            Cut(reset: true);
            return;
        }

        new Thread(() => Pump(_server, _client, ProxyDirections.ToClient, PassReply)) { IsBackground = true, Name = $"proxy-replies-{_number}" }.Start();
        Pump(_client, _server, ProxyDirections.ToServer, PassRequest);
    }

    /// <summary>Passes frames on until one side closes; then closes that direction only, since the other may have something left.</summary>
    private void Pump(Socket from, Socket to, ProxyDirections direction, Action<byte[], bool> pass)
    {
        try
        {
            using var stream = new BufferedStream(new NetworkStream(from), 64 * 1024);
            for (bool first = true; ; first = false)
            {
                byte[]? frame = ReadFrame(stream);
                _proxy.AwaitOpen(direction);
                if (frame is null)
                {
                    to.Shutdown(SocketShutdown.Send);
                    break;
                }

                pass(frame, first);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            Cut(reset: true);
        }

        if (Interlocked.Decrement(ref _openHalves) == 0)
        {
            Cut(reset: false);
        }
    }

    private void PassRequest(byte[] frame, bool first)
    {
        if (first)
        {
            long lastZxid = BinaryPrimitives.ReadInt64BigEndian(frame.AsSpan(8));
            long session = BinaryPrimitives.ReadInt64BigEndian(frame.AsSpan(20));
            _proxy.Record(new ProxiedConnect(_number, session, lastZxid));
            _server.Send(frame);
            return;
        }

        int xid = BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(4));
        var kind = (RequestKind)BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(8));
        ProxyFault? fault = _proxy.Record(new ProxiedRequest(_number, xid, kind, frame.Length - sizeof(int)));
        if (fault?.Kind == ProxyFaultKind.CutBeforeForwarding)
        {
            Cut(reset: false);
            fault.Report();
            return;
        }

        if (fault is not null)
        {
            _faults[xid] = fault;
        }

        _server.Send(frame);
    }

    private void PassReply(byte[] frame, bool first)
    {
        if (first)
        {
            SendFrame(_proxy.TakeConnectRewrite() is { } rewrite ? Framed(rewrite(frame[sizeof(int)..])) : frame);
            return;
        }

        int xid = BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(4));
        if (xid > 0)
        {
            _proxy.RecordReply(BinaryPrimitives.ReadInt64BigEndian(frame.AsSpan(8)));
        }

        if (!_faults.TryRemove(xid, out ProxyFault? fault))
        {
            SendFrame(frame);
            return;
        }

        switch (fault.Kind)
        {
            case ProxyFaultKind.DropReply:
                Cut(reset: false);
                break;
            case ProxyFaultKind.ResetInMidReply:
                SendToClient(frame[..(frame.Length / 2)]);
                Cut(reset: true);
                break;
            case ProxyFaultKind.RewriteReply:
                SendFrame(Framed(fault.Rewrite(frame[sizeof(int)..])));
                break;
            default:
                break;
        }

        fault.Report();
    }

    private void SendFrame(byte[] frame)
    {
        int together = _proxy.Coalesced;
        if (together > 1)
        {
            _held.Add(frame);
            if (_held.Count < together)
            {
                return;
            }

            frame = [.. _held.SelectMany(held => held)];
            _held.Clear();
        }

        SendToClient(frame, _proxy.SlicesBytes);
    }

    private static byte[] Framed(byte[] payload)
    {
        byte[] frame = new byte[sizeof(int) + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length);
        payload.CopyTo(frame, sizeof(int));
        return frame;
    }

    /// <returns>The frame with its length, or null at the end of the stream.</returns>
    private static byte[]? ReadFrame(Stream stream)
    {
        byte[] length = new byte[sizeof(int)];
        int read = stream.ReadAtLeast(length, length.Length, throwOnEndOfStream: false);
        if (read < length.Length)
        {
            return null;
        }

        byte[] frame = new byte[sizeof(int) + BinaryPrimitives.ReadInt32BigEndian(length)];
        length.CopyTo(frame, 0);
        stream.ReadExactly(frame, sizeof(int), frame.Length - sizeof(int));
        return frame;
    }
}
