using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace LockService.Testing;

/// <summary>One connection through a <see cref="Link"/>.</summary>
internal sealed class LinkConnection(Link link, Socket client)
{
    private const int GreetingLength = 64;

    /// <summary>What is under way at most, in pieces as they were read; a sender that is faster than that waits.</summary>
    private const int MostPieces = 256;

    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(20);

    private Socket _server = NewSocket();
    private byte[] _greeting = [];
    private volatile bool _ended;

    /// <summary>The first bytes that were passed on to the client, as far as they came in one piece.</summary>
    internal byte[] Greeting => Volatile.Read(ref _greeting);

    /// <summary>Carries bytes until both sides have closed, or <see cref="End"/>.</summary>
    internal async Task RunAsync(int targetPort)
    {
        try
        {
            client.NoDelay = true;
            await ConnectAsync(targetPort);
            await Task.WhenAll(CarryAsync(client, _server, ProxyDirections.ToServer), CarryAsync(_server, client, ProxyDirections.ToClient));
            End(reset: false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody listens there, one side has reset its connection, or this one was ended.
            End(reset: true);
        }
    }

    /// <summary>Ends both sides, at once with a reset or in good order.</summary>
    internal void End(bool reset)
    {
        _ended = true;
        foreach (Socket socket in (Socket[])[client, _server])
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

        link.Forget(this);
    }

    private static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    private async Task ConnectAsync(int targetPort)
    {
        for (long begin = TimeProvider.System.GetTimestamp(); ;)
        {
            try
            {
                await _server.ConnectAsync(IPAddress.Loopback, targetPort);
                return;
            }
            catch (SocketException) when (!_ended && TimeProvider.System.GetElapsedTime(begin) < link.Patience)
            {
                // A socket whose connection failed is of no use any more.
                _server.Dispose();
                _server = NewSocket();
                await Task.Delay(s_retryPause, TimeProvider.System);
            }
        }
    }

    private async Task CarryAsync(Socket from, Socket to, ProxyDirections direction)
    {
        Channel<(byte[] Bytes, long ReadAt)> underWay = Channel.CreateBounded<(byte[], long)>(MostPieces);
        Task delivery = DeliverAsync(underWay.Reader, to, direction);
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and int length)
            {
                await underWay.Writer.WriteAsync((buffer[..length], TimeProvider.System.GetTimestamp()));
            }
        }
        catch (SocketException)
        {
            // A reset is passed on at once: what is under way is lost with it.
            End(reset: true);
        }
        finally
        {
            underWay.Writer.Complete();
            await delivery;
        }
    }

    private async Task DeliverAsync(ChannelReader<(byte[] Bytes, long ReadAt)> underWay, Socket to, ProxyDirections direction)
    {
        try
        {
            await foreach ((byte[] bytes, long readAt) in underWay.ReadAllAsync())
            {
                TimeSpan left = link.Latency(direction) - TimeProvider.System.GetElapsedTime(readAt);
                if (left > TimeSpan.Zero)
                {
                    await Task.Delay(left, TimeProvider.System);
                }

                await link.WhenOpen(direction);
                if (direction == ProxyDirections.ToClient && Greeting.Length == 0)
                {
                    Volatile.Write(ref _greeting, bytes[..Math.Min(bytes.Length, GreetingLength)]);
                }

                for (int sent = 0, piece = link.Slices ? 1 : bytes.Length; sent < bytes.Length; sent += piece)
                {
                    await to.SendAsync(bytes.AsMemory(sent, piece));
                }
            }

            await link.WhenOpen(direction);
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            End(reset: true);
            await foreach (var _ in underWay.ReadAllAsync())
            {
                // The sender must not wait for a place among what nobody will get.
            }
        }
    }
}
