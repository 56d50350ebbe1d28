using System.Net;
using System.Net.Sockets;

namespace LockService.Testing;

/// <summary>
/// A network between two processes that fails on demand and knows nothing of what it carries. <see cref="ZooKeeperProxy"/> is the one that knows
/// frames. Everything here can be called at any time; what heals, heals connections that exist too.
/// </summary>
public sealed class Link : IDisposable
{
    private readonly Lock _gate = new();
    private readonly HashSet<LinkConnection> _connections = [];
    private TcpListener? _listener;
    private volatile int _targetPort;
    private volatile bool _refuses;
    private volatile bool _slices;
    private long _toServerDelayTicks;
    private long _toClientDelayTicks;
    private TaskCompletionSource _toServerOpen = Opened();
    private TaskCompletionSource _toClientOpen = Opened();

    /// <summary>Starts to listen on a port of its own.</summary>
    /// <param name="targetPort">The port of the process behind it; nobody need listen there yet.</param>
    /// <param name="patience">
    /// How long a connection waits for somebody to listen there before it is reset. Default: not at all. To those who take a reset for worse than
    /// a refusal it had better be slow, unless it is closed in time (<see cref="Close"/>).
    /// </param>
    public Link(int targetPort, TimeSpan patience = default)
    {
        _targetPort = targetPort;
        Patience = patience;
        Port = FreePort.Next();
        Open();
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

    /// <summary>From now on everything takes so long in these directions; zero ends it.</summary>
    public void Delay(TimeSpan oneWay, ProxyDirections directions = ProxyDirections.Both)
    {
        if (directions.HasFlag(ProxyDirections.ToServer))
        {
            Interlocked.Exchange(ref _toServerDelayTicks, oneWay.Ticks);
        }

        if (directions.HasFlag(ProxyDirections.ToClient))
        {
            Interlocked.Exchange(ref _toClientDelayTicks, oneWay.Ticks);
        }
    }

    /// <summary>Delivers everything one byte at a time, or no longer.</summary>
    public void SliceBytes(bool slices = true) => _slices = slices;

    /// <summary>Resets every new connection at once, like a server that has too many.</summary>
    public void Refuse() => _refuses = true;

    /// <summary>Ends <see cref="Refuse"/>.</summary>
    public void Admit() => _refuses = false;

    /// <summary>Connections are refused, as where nobody listens; those that exist stay.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _listener?.Dispose();
            _listener = null;
        }
    }

    /// <summary>Ends <see cref="Close"/>.</summary>
    public void Open()
    {
        lock (_gate)
        {
            if (_listener is null)
            {
                _listener = new TcpListener(IPAddress.Loopback, Port);
                _listener.Start();
                _ = AcceptAsync(_listener);
            }
        }
    }

    /// <summary>Ends every fault; connections that were cut stay so, and so does a closed link.</summary>
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
        Close();
        Cut();
        Heal();
    }

    internal TimeSpan Patience { get; }

    internal bool Slices => _slices;

    /// <summary>How long bytes of that direction take.</summary>
    internal TimeSpan Latency(ProxyDirections direction) =>
        TimeSpan.FromTicks(Interlocked.Read(ref direction == ProxyDirections.ToServer ? ref _toServerDelayTicks : ref _toClientDelayTicks));

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

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Socket client = await listener.AcceptSocketAsync();
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
            // The link was closed; a listener that has stopped says so with the last of these.
        }
    }
}
