using System.Net;

namespace LockService.ZooKeeper.Transport;

/// <summary>
/// Goes round the servers in an order shuffled once, through all addresses of a name before the next name. Names are resolved anew
/// each time they come up. Used by one thread.
/// </summary>
internal sealed class ServerList
{
    private readonly ServerName[] _servers;
    private readonly Queue<IPEndPoint> _addresses = new();
    private int _next;

    internal ServerList(IReadOnlyList<ServerName> servers)
    {
        _servers = [.. servers];
        Random.Shared.Shuffle(_servers);
    }

    /// <summary>Number of names.</summary>
    internal int Count => _servers.Length;

    /// <summary>The next address to try.</summary>
    /// <param name="roundEnded">True if every server has been tried since the round began.</param>
    /// <exception cref="System.Net.Sockets.SocketException">The name does not resolve; the next call takes the next name.</exception>
    internal IPEndPoint Next(out bool roundEnded)
    {
        roundEnded = false;
        if (_addresses.Count == 0)
        {
            ServerName server = _servers[_next];
            roundEnded = _next == _servers.Length - 1;
            _next = (_next + 1) % _servers.Length;
            foreach (IPAddress address in Dns.GetHostAddresses(server.Host))
            {
                _addresses.Enqueue(new IPEndPoint(address, server.Port));
            }
        }

        return _addresses.Dequeue();
    }
}
