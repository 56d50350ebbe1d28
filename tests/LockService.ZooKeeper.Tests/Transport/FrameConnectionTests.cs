using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using LockService.ZooKeeper.Transport;
using Xunit;

namespace LockService.ZooKeeper.Tests.Transport;

public sealed class FrameConnectionTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly FrameConnection _connection;
    private readonly TcpClient _server;

    public FrameConnectionTests()
    {
        _listener.Start();
        var server = new ServerAddress("localhost", (IPEndPoint)_listener.LocalEndpoint);
        _connection = new FrameConnection(server, 16 * 1024 * 1024, TimeProvider.System);
        _connection.Open(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10), tls: null);
        _server = _listener.AcceptTcpClient();
        _connection.SetIdleLimit(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task The_memory_of_a_large_frame_is_given_back_with_the_next_small_one()
    {
        Task sending = SendAsync(8 * 1024 * 1024);
        Assert.Equal(8 * 1024 * 1024, _connection.ReadFrame().Length);
        await sending;
        Assert.True(_connection.BufferBytes >= 8 * 1024 * 1024, "it was held");

        await SendAsync(10);
        Assert.Equal(10, _connection.ReadFrame().Length);

        Assert.InRange(_connection.BufferBytes, 10, 1024 * 1024);
    }

    [Fact]
    public async Task Frames_of_all_sizes_around_the_buffers_come_out_as_they_went_in()
    {
        int[] sizes = [0, 1, 65_531, 65_532, 65_533, 65_536, 3, 131_072, 2_000_000, 7, 65_000, 65_000, 0];
        Task sending = Task.Run(async () =>
        {
            foreach (int size in sizes)
            {
                await SendAsync(size);
            }
        });

        foreach (int size in sizes)
        {
            byte[] frame = _connection.ReadFrame().ToArray();
            Assert.Equal(size, frame.Length);
            Assert.All(frame.Take(100).Concat(frame.TakeLast(100)), value => Assert.Equal((byte)size, value));
        }

        await sending;
    }

    [Fact]
    public async Task A_server_that_trickles_bytes_cannot_make_the_opening_last()
    {
        TimeSpan opening = TimeSpan.FromMilliseconds(500);
        var server = new ServerAddress("localhost", (IPEndPoint)_listener.LocalEndpoint);
        using var connection = new FrameConnection(server, 1024, TimeProvider.System);
        connection.Open(opening, opening, tls: null);
        using TcpClient accepted = await _listener.AcceptTcpClientAsync();
        using var stop = new CancellationTokenSource();
        Task trickling = TrickleAsync(accepted.GetStream(), stop.Token);
        long start = TimeProvider.System.GetTimestamp();

        SocketException failure = Assert.Throws<SocketException>(() => connection.ReadFrame().Length);

        // A frame of the length that the bytes announce would take most of a minute.
        Assert.Equal(SocketError.TimedOut, failure.SocketErrorCode);
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        await stop.CancelAsync();
        await trickling;
    }

    [Fact]
    public void A_connection_that_was_aborted_before_does_not_open()
    {
        var server = new ServerAddress("localhost", (IPEndPoint)_listener.LocalEndpoint);
        using var connection = new FrameConnection(server, 1024, TimeProvider.System);
        connection.Abort();

        SocketException failure = Assert.Throws<SocketException>(() => connection.Open(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10), tls: null));

        Assert.Equal(SocketError.OperationAborted, failure.SocketErrorCode);
    }

    public void Dispose()
    {
        _connection.Dispose();
        _server.Dispose();
        _listener.Dispose();
    }

    private async Task SendAsync(int size)
    {
        byte[] frame = new byte[sizeof(int) + size];
        frame.AsSpan().Fill((byte)size);
        BinaryPrimitives.WriteInt32BigEndian(frame, size);
        await _server.GetStream().WriteAsync(frame);
    }

    private static async Task TrickleAsync(NetworkStream stream, CancellationToken stop)
    {
        try
        {
            foreach (byte next in (byte[])[0, 0, 4, 0, .. new byte[1024]])
            {
                await stream.WriteAsync(new byte[] { next }, stop);
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The other side has had enough.
        }
    }
}
