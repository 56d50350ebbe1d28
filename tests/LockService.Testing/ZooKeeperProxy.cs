using System.Net;
using System.Net.Sockets;
using LockService.ZooKeeper;

namespace LockService.Testing;

/// <summary>
/// A network between clients and a server that fails on demand, and knows frames: it can lose exactly the reply to a certain request.
/// Clients reconnect through it as often as they like. Faults named "next" strike once; the task they return completes when they have.
/// </summary>
public sealed class ZooKeeperProxy : IDisposable
{
    private readonly TcpListener _listener;
    private readonly Lock _gate = new();
    private readonly List<ProxyConnection> _connections = [];
    private readonly List<ProxyFault> _faults = [];
    private readonly Queue<(Func<byte[], byte[]> Rewrite, TaskCompletionSource Struck)> _connectRewrites = new();
    private readonly List<ProxiedRequest> _requests = [];
    private readonly List<ProxiedConnect> _connects = [];
    private readonly ManualResetEventSlim _toServerOpen = new(true);
    private readonly ManualResetEventSlim _toClientOpen = new(true);
    private int _accepted;
    private long _highestReplyZxid;
    private volatile bool _refuses;
    private volatile bool _slices;
    private volatile int _coalesced;
    private volatile int _targetPort;

    /// <summary>Starts to listen on a port of its own.</summary>
    /// <param name="targetPort">The port of the server behind it; nobody need listen there yet.</param>
    public ZooKeeperProxy(int targetPort)
    {
        _targetPort = targetPort;
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        new Thread(Accept) { IsBackground = true, Name = "proxy-accept" }.Start();
    }

    /// <summary>The proxy as a server of a connect string; a chroot may follow.</summary>
    public string ConnectString => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Number of connections that clients have made, refused ones included.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>The highest zxid among the replies to ordinary requests, lost ones included.</summary>
    public long HighestReplyZxid => Interlocked.Read(ref _highestReplyZxid);

    /// <summary>All requests so far, in the order they came.</summary>
    public IReadOnlyList<ProxiedRequest> Requests
    {
        get
        {
            lock (_gate)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>The first frames of all connections so far.</summary>
    public IReadOnlyList<ProxiedConnect> Connects
    {
        get
        {
            lock (_gate)
            {
                return [.. _connects];
            }
        }
    }

    internal bool SlicesBytes => _slices;

    internal int Coalesced => _coalesced;

    /// <summary>Lets the next such request reach the server, swallows its reply, and cuts the connection.</summary>
    public Task DropNextReply(RequestKind kind = RequestKind.Any) => Add(ProxyFaultKind.DropReply, kind);

    /// <summary>As <see cref="DropNextReply(RequestKind)"/>, for the next request that the condition chooses.</summary>
    public Task DropNextReply(Func<ProxiedRequest, bool> of) => Add(new ProxyFault(ProxyFaultKind.DropReply, of));

    /// <summary>Swallows the reply to the next such request and nothing else: pings are still answered.</summary>
    public Task SwallowNextReply(RequestKind kind = RequestKind.Any) => Add(ProxyFaultKind.SwallowReply, kind);

    /// <summary>Cuts the connection on which the next such request comes; the request reaches nobody.</summary>
    public Task CutBeforeForwarding(RequestKind kind = RequestKind.Any) => Add(ProxyFaultKind.CutBeforeForwarding, kind);

    /// <summary>Passes half of the next such reply on, then resets the connection.</summary>
    public Task ResetInMidReply(RequestKind kind = RequestKind.Any) => Add(ProxyFaultKind.ResetInMidReply, kind);

    /// <summary>Changes the next such reply: a function of the frame without its length.</summary>
    public Task RewriteNextReply(Func<byte[], byte[]> rewrite, RequestKind kind = RequestKind.Any) =>
        Add(new ProxyFault(ProxyFaultKind.RewriteReply, Matching(kind), rewrite));

    /// <summary>Changes the answer to the next connection's first frame: a function of the frame without its length.</summary>
    public Task RewriteNextConnectResponse(Func<byte[], byte[]> rewrite)
    {
        lock (_gate)
        {
            var struck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _connectRewrites.Enqueue((rewrite, struck));
            return struck.Task;
        }
    }

    /// <summary>Cuts all connections, in good order or with a reset.</summary>
    public void Cut(bool reset = false) => Array.ForEach(Connections(), connection => connection.Cut(reset));

    /// <summary>
    /// Cuts all connections and waits until the client has noticed, so that a request made afterwards waits for the next connection
    /// instead of being lost on its way into the old one.
    /// </summary>
    public async Task CutAsync(ZooKeeperClient client, bool reset = false)
    {
        ArgumentNullException.ThrowIfNull(client);
        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
        Task<SessionStatus> noticed = client.Status.Next;
        Cut(reset);
        await Eventually.CompletesAsync("the client notices the cut", noticed);
    }

    /// <summary>Becomes a black hole: connections stay, and are still accepted, but nothing arrives.</summary>
    public void Stall(ProxyDirections directions = ProxyDirections.Both)
    {
        if (directions.HasFlag(ProxyDirections.ToServer))
        {
            _toServerOpen.Reset();
        }

        if (directions.HasFlag(ProxyDirections.ToClient))
        {
            _toClientOpen.Reset();
        }
    }

    /// <summary>Delivers what was held back, and everything that follows.</summary>
    public void Resume()
    {
        _toServerOpen.Set();
        _toClientOpen.Set();
    }

    /// <summary>Closes every new connection at once, without a byte, like a server that has too many of them.</summary>
    public void Refuse() => _refuses = true;

    /// <summary>Ends <see cref="Refuse"/>.</summary>
    public void Admit() => _refuses = false;

    /// <summary>From now on what comes goes to another server; connections that exist stay where they are.</summary>
    public void Retarget(int port) => _targetPort = port;

    /// <summary>Delivers everything to clients one byte at a time from now on.</summary>
    public void SliceBytes() => _slices = true;

    /// <summary>Delivers that many replies together from now on, none before; 1 ends it.</summary>
    public void Coalesce(int frames) => _coalesced = frames;

    /// <summary>Sends bytes that no server sent to all clients, between two frames.</summary>
    public void Inject(byte[] bytes) => Array.ForEach(Connections(), connection => connection.SendToClient(bytes));

    /// <summary>Cuts everything and stops listening.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        Cut(reset: true);
        Resume();
    }

    internal void AwaitOpen(ProxyDirections direction) =>
        (direction == ProxyDirections.ToServer ? _toServerOpen : _toClientOpen).Wait();

    internal void Forget(ProxyConnection connection)
    {
        lock (_gate)
        {
            _connections.Remove(connection);
        }
    }

    internal void Record(ProxiedConnect connect)
    {
        lock (_gate)
        {
            _connects.Add(connect);
        }
    }

    /// <returns>The fault that strikes this request, if one does.</returns>
    internal ProxyFault? Record(ProxiedRequest request)
    {
        lock (_gate)
        {
            _requests.Add(request);
            ProxyFault? fault = _faults.Find(waiting => waiting.Strikes(request));
            if (fault is not null)
            {
                _faults.Remove(fault);
            }

            return fault;
        }
    }

    internal void RecordReply(long zxid)
    {
        lock (_gate)
        {
            _highestReplyZxid = Math.Max(_highestReplyZxid, zxid);
        }
    }

    internal Func<byte[], byte[]>? TakeConnectRewrite()
    {
        lock (_gate)
        {
            if (!_connectRewrites.TryDequeue(out (Func<byte[], byte[]> Rewrite, TaskCompletionSource Struck) next))
            {
                return null;
            }

            next.Struck.SetResult();
            return next.Rewrite;
        }
    }

    private static Func<ProxiedRequest, bool> Matching(RequestKind kind) =>
        request => kind == RequestKind.Any ? request.Xid > 0 : request.Kind == kind;

    private Task Add(ProxyFaultKind fault, RequestKind kind) => Add(new ProxyFault(fault, Matching(kind)));

    private Task Add(ProxyFault fault)
    {
        lock (_gate)
        {
            _faults.Add(fault);
            return fault.Struck;
        }
    }

    private ProxyConnection[] Connections()
    {
        lock (_gate)
        {
            return [.. _connections];
        }
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket client = _listener.AcceptSocket();
                int number = Interlocked.Increment(ref _accepted);
                if (_refuses)
                {
                    client.Dispose();
                    continue;
                }

                var connection = new ProxyConnection(this, number, client);
                lock (_gate)
                {
                    _connections.Add(connection);
                }

                connection.Start(_targetPort);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The proxy was disposed of; a listener that has stopped says so with the last of these.
        }
    }
}
