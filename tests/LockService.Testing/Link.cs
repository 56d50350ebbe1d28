using System.Net;
using System.Net.Sockets;

namespace LockService.Testing;

/// <summary>
/// A network between two processes that fails on demand and knows nothing of what it carries. <see cref="ZooKeeperProxy"/> is the one that knows
/// frames. Everything here can be called at any time; what heals, heals connections that exist too.
/// </summary>
public sealed class Link : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Lock _gate = new();
    private readonly HashSet<LinkConnection> _connections = [];
    private volatile int _targetPort;
    private volatile bool _refuses;
    private volatile bool _slices;
    private long _delayTicks;
    private TaskCompletionSource _toServerOpen = Opened();
    private TaskCompletionSource _toClientOpen = Opened();

    /// <summary>Starts to listen on a port of its own.</summary>
    /// <param name="targetPort">The port of the process behind it; nobody need listen there yet.</param>
    public Link(int targetPort)
    {
        _targetPort = targetPort;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    /// <summary>Where clients connect to.</summary>
    public int Port { get; }

    /// <summary>The first bytes that each open connection has brought its client: of ZooKeeper's, the session's id and password.</summary>
    public IReadOnlyList<byte[]> Greetings
    {
        get
        {
            lock (_gate)
            {
                return [.. _connections.Select(connection => connection.Greeting).Where(bytes => bytes.Length > 0)];
            }
        }
    }

    /// <summary>From now on new connections go to another port; those that exist stay where they are.</summary>
    public void Retarget(int port) => _targetPort = port;

    /// <summary>Ends all connections, in good order or with a reset.</summary>
    public void Cut(bool reset = true) => Array.ForEach(Connections(), connection => connection.End(reset));

    /// <summary>Becomes a black hole: connections stay, and are still accepted, but nothing arrives.</summary>
    public void Stall(ProxyDirections directions = ProxyDirections.Both)
    {
        lock (_gate)
        {
            if (directions.HasFlag(ProxyDirections.ToServer) && _toServerOpen.Task.IsCompleted)
            {
                _toServerOpen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            if (directions.HasFlag(ProxyDirections.ToClient) && _toClientOpen.Task.IsCompleted)
            {
                _toClientOpen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>Delivers what was held back, and everything that follows.</summary>
    public void Resume()
    {
        lock (_gate)
        {
            _toServerOpen.TrySetResult();
            _toClientOpen.TrySetResult();
        }
    }

    /// <summary>From now on everything takes so long in either direction; zero ends it.</summary>
    public void Delay(TimeSpan oneWay) => Interlocked.Exchange(ref _delayTicks, oneWay.Ticks);

    /// <summary>Delivers everything one byte at a time, or no longer.</summary>
    public void SliceBytes(bool slices = true) => _slices = slices;

    /// <summary>Resets every new connection at once.</summary>
    public void Refuse() => _refuses = true;

    /// <summary>Ends <see cref="Refuse"/>.</summary>
    public void Admit() => _refuses = false;

    /// <summary>Ends every fault; connections that were cut stay so.</summary>
    public void Heal()
    {
        Resume();
        Delay(TimeSpan.Zero);
        SliceBytes(false);
        Admit();
    }

    /// <summary>Cuts everything and stops listening.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        Cut();
        Heal();
    }

    internal bool Slices => _slices;

    internal TimeSpan Latency => TimeSpan.FromTicks(Interlocked.Read(ref _delayTicks));

    /// <summary>Completes when bytes of that direction pass.</summary>
    internal Task WhenOpen(ProxyDirections direction)
    {
        lock (_gate)
        {
            return (direction == ProxyDirections.ToServer ? _toServerOpen : _toClientOpen).Task;
        }
    }

    internal void Forget(LinkConnection connection)
    {
        lock (_gate)
        {
            _connections.Remove(connection);
        }
    }

    private static TaskCompletionSource Opened()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    private LinkConnection[] Connections()
    {
        lock (_gate)
        {
            return [.. _connections];
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync();
                if (_refuses)
                {
                    client.LingerState = new LingerOption(true, 0);
                    client.Dispose();
                    continue;
                }

                var connection = new LinkConnection(this, client);
                lock (_gate)
                {
                    _connections.Add(connection);
                }

                _ = connection.RunAsync(_targetPort);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The link was disposed of; a listener that has stopped says so with the last of these.
        }
    }
}
