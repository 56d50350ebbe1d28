using System.Net;
using System.Net.Sockets;

namespace LockService.Testing;

/// <summary>
/// Ports for servers that are stopped and started again on the same port. They come from below the range the kernel hands to outgoing
/// connections, or one of those could take the port in between.
/// </summary>
public static class FreePort
{
    /// <summary>A port on which nobody listens at the moment.</summary>
    public static int Next()
    {
        while (true)
        {
            int port = Random.Shared.Next(20_000, 32_000);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: the next draw finds another.
            }
        }
    }
}
