using System.Net;
using System.Net.Sockets;

namespace LockService.ZooKeeper.Transport;

/// <summary>
/// Finds the addresses of a name, each time anew. The system's resolver takes many seconds to say that it gets no answer, and can
/// neither be limited nor interrupted: it is asked on a thread that is left alone after a while, and then, or when it fails, the addresses
/// it gave last are still good enough to try. A session must not be lost to an outage of the name service. Used by one thread.
/// </summary>
internal sealed class NameResolver(Func<string, IPAddress[]> system, TimeSpan limit)
{
    private readonly Dictionary<string, IPAddress[]> _known = [];

    /// <summary>Asks the system, for at most a second.</summary>
    internal NameResolver()
        : this(Dns.GetHostAddresses, TimeSpan.FromSeconds(1))
    {
    }

    /// <exception cref="SocketException">The name has no address, or none was found in time, and none is known from before.</exception>
    internal IPAddress[] Resolve(string host)
    {
        // Taken as it is: the system's resolver refuses 0.0.0.0, which connects to this machine.
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            return [address];
        }

        IPAddress[] found = [];
        var failure = new SocketException((int)SocketError.TimedOut);
        var asking = new Thread(() =>
        {
            try
            {
                Volatile.Write(ref found, system(host));
            }
            catch (SocketException e)
            {
                Volatile.Write(ref failure, e);
            }
        });
        asking.IsBackground = true;
        asking.Name = "zookeeper-resolver";
        asking.Start();
        bool answered = asking.Join(limit);
        IPAddress[] addresses = Volatile.Read(ref found);
        if (addresses.Length > 0)
        {
            return _known[host] = addresses;
        }

        return _known.TryGetValue(host, out IPAddress[]? before)
            ? before
            : throw (answered ? Volatile.Read(ref failure) : new SocketException((int)SocketError.TimedOut));
    }
}
