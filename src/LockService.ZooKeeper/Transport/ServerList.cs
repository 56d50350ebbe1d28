using System.Net;
using System.Net.Sockets;

namespace LockService.ZooKeeper.Transport;

/// <summary>One address to try.</summary>
/// <param name="Host">The name it was found by, which the server's certificate must have.</param>
/// <param name="EndPoint">The address.</param>
internal sealed record ServerAddress(string Host, IPEndPoint EndPoint);

/// <summary>
/// Goes round the servers in an order shuffled once, through all addresses of a name before the next name. Names are resolved anew
/// each time they come up. Used by one thread, except for <see cref="Replace"/>.
/// </summary>
internal sealed class ServerList
{
    private ServerName[] _servers;
    private ServerName[]? _replacement;
    private readonly NameResolver _names;
    private readonly Queue<ServerAddress> _addresses = new();
    private int _next;

    internal ServerList(IReadOnlyList<ServerName> servers, NameResolver names)
    {
        _names = names;
        _servers = Shuffled(servers);
    }

    /// <summary>Number of names.</summary>
    internal int Count => _servers.Length;

    /// <summary>From the next address on these are the servers. May be called by any thread.</summary>
    internal void Replace(IReadOnlyList<ServerName> servers) => Interlocked.Exchange(ref _replacement, Shuffled(servers));

    /// <summary>The next address to try.</summary>
    /// <param name="roundEnded">True if this is the last address of the last name.</param>
    /// <exception cref="SocketException">The name does not resolve; the next call takes the next name.</exception>
    internal ServerAddress Next(out bool roundEnded)
    {
        if (Interlocked.Exchange(ref _replacement, null) is { } replacement)
        {
            _servers = replacement;
            _addresses.Clear();
            _next = 0;
        }

        if (_addresses.Count == 0)
        {
            ServerName server = _servers[_next];
            _next = (_next + 1) % _servers.Length;
            roundEnded = _next == 0;
            foreach (IPAddress resolved in _names.Resolve(server.Host))
            {
                _addresses.Enqueue(new ServerAddress(server.Host, new IPEndPoint(resolved, server.Port)));
            }
        }

        ServerAddress address = _addresses.Dequeue();
        roundEnded = _next == 0 && _addresses.Count == 0;
        return address;
    }

    private static ServerName[] Shuffled(IReadOnlyList<ServerName> servers)
    {
        ServerName[] shuffled = [.. servers];
        Random.Shared.Shuffle(shuffled);
        return shuffled;
    }
}
