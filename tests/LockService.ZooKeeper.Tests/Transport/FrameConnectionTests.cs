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
}
