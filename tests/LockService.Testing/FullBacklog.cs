using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace LockService.Testing;

/// <summary>
/// A server that swallows packets: a port whose queue of connections is full and never emptied, so that the kernel drops every further
/// SYN and connecting neither succeeds nor fails.
/// </summary>
public sealed class FullBacklog : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _fillers = [];
    private readonly int _own;

    /// <summary>Listens and fills its own queue.</summary>
    public FullBacklog()
    {
        _listener.Start(1);
        for (int i = 0; i < 4; i++)
        {
            var filler = new Socket(SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            _fillers.Add(filler);
            try
            {
                filler.Connect(IPAddress.Loopback, Port);
            }
            catch (SocketException)
            {
                // Under way, and it will stay so.
            }
        }

        _own = Connecting();
    }

    /// <summary>The port.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Number of connections that others are trying to make.</summary>
    public int Waiting => Connecting() - _own;

    /// <inheritdoc/>
    public void Dispose()
    {
        _fillers.ForEach(filler => filler.Dispose());
        _listener.Dispose();
    }

    /// <summary>Counts the sockets that have sent a SYN to the port and got no answer, in the kernel's tables.</summary>
    private int Connecting()
    {
        const string synSent = "02";
        string port = Port.ToString("X4", CultureInfo.InvariantCulture);
        return File.ReadLines("/proc/net/tcp").Concat(File.ReadLines("/proc/net/tcp6"))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Count(fields => fields[2].EndsWith($":{port}", StringComparison.Ordinal) && fields[3] == synSent);
    }
}
