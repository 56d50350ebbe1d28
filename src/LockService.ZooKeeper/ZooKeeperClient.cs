using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Session;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace LockService.ZooKeeper;

/// <summary>
/// One ZooKeeper session and the operations on it. It connects to any of the servers, moves to another one when a connection is lost,
/// and keeps the session until <see cref="DisposeAsync"/>, until a server declares it expired, or until an authentication fails; then
/// it has ended for good, and a new client is needed. Ephemeral nodes and watches live and die with it, which is why no new session is
/// ever opened silently.
/// </summary>
/// <remarks>
/// Requests are sent in the order of the calls and answered in that order; the client may be used from many threads at once.
/// A request made while no server is connected waits until one is, or until it is cancelled.
/// <para>Every request has three outcomes, kept apart: done (it returns), refused or never sent (nothing was changed:
/// <see cref="RequestRefusedException"/>, <see cref="RequestNotSentException"/>, <see cref="RequestTooLargeException"/>,
/// <see cref="SessionEndedException"/>), and unknown (<see cref="OutcomeUnknownException"/>: the connection was lost after the bytes may
/// have left). Nothing is ever sent twice.</para>
/// <para>Cancellation gives up waiting for the answer with <see cref="RequestAbandonedException"/>. A request that had not been sent by
/// then never will be; one that had may be carried out all the same.</para>
/// </remarks>
public sealed class ZooKeeperClient : IAsyncDisposable
{
    private readonly SessionLoop _session;
    private readonly Chroot _chroot;
    private readonly WatchRequests _watches;
    private readonly int _maxRequestBytes;
    private readonly IReadOnlyList<Acl> _newNodeAcl;

    /// <summary>Starts to connect in the background; returns at once, whether or not a server can be reached.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="logger">Receives connection events; never data or passwords.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public ZooKeeperClient(ZooKeeperOptions options, ILogger<ZooKeeperClient>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        _maxRequestBytes = options.MaxRequestBytes;
        _newNodeAcl = ReferenceEquals(options.NewNodeAcl, Acl.Open) ? Acl.Open : Acl.Copy(options.NewNodeAcl);
        _chroot = new Chroot(options.Servers.Chroot);
        _session = new SessionLoop(options, logger ?? NullLogger<ZooKeeperClient>.Instance);
        _watches = new WatchRequests(_session, _chroot, options.Clock);
    }

    /// <summary>The present state of the session, and the way to follow its changes.</summary>
    public SessionStatus Status => _session.Status;

    /// <summary>The session's id as ZooKeeper shows it in <see cref="Stat.EphemeralOwner"/>; 0 before the first connection.</summary>
    public long SessionId => _session.Identity.Id;

    /// <summary>
    /// Until when the session is certain to be alive, as a timestamp of <see cref="ZooKeeperOptions.Clock"/>: its timeout after the newest
    /// packet that was answered had been sent. Afterwards its ephemeral nodes may be gone without any news. 0 before the first connection.
    /// The bound is short of certainty by one tick if the server died before it told the leader of that packet.
    /// </summary>
    public long AliveUntil => _session.AliveUntil;

    /// <summary>With the id, the right to resume or to close the session; for tests that end it from outside.</summary>
    internal byte[] SessionPassword => _session.Identity.Password;

    internal Chroot Chroot => _chroot;

    internal WatchRequests Watches => _watches;

    /// <summary>The server's path of a client's path.</summary>
    internal string ServerPath(string path) => _chroot.Apply(path);

    /// <summary>The timeout the server granted; zero before the first connection.</summary>
    public TimeSpan SessionTimeout => _session.Identity.Timeout;

    /// <summary>Waits until a server is connected.</summary>
    /// <exception cref="SessionEndedException">The session has ended.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> came first.</exception>
    public async Task WhenConnectedAsync(CancellationToken cancellation = default)
    {
        SessionStatus status = Status;
        while (status.State != SessionState.Connected)
        {
            if (status.End is { } end)
            {
                throw new SessionEndedException(end, status.Failure);
            }

            status = await status.Next.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Replaces the list of servers, for instance by those of <see cref="EnsembleOperations.ServersIn"/> after the ensemble has changed. A
    /// present connection stays as it is, also to a server that is no longer in the list; the next one is made to one that is.
    /// </summary>
    /// <param name="servers">At least one.</param>
    public void UpdateServers(IReadOnlyList<ServerName> servers)
    {
        ArgumentNullException.ThrowIfNull(servers);
        ArgumentOutOfRangeException.ThrowIfZero(servers.Count, nameof(servers));
        _session.UpdateServers(servers);
    }

    /// <summary>Creates a node.</summary>
    /// <param name="path">An absolute path; for the sequential modes the server appends ten digits to it.</param>
    /// <param name="data">The node's data; it must not change until the task completes.</param>
    /// <param name="mode">The kind of node.</param>
    /// <param name="acl">Who may do what; by default <see cref="ZooKeeperOptions.NewNodeAcl"/>.</param>
    /// <param name="ttl">1 ms to 2^40-1 ms, for the TTL modes only.</param>
    /// <param name="cancellation">See the remarks of the class.</param>
    /// <exception cref="RequestRefusedException">
    /// <see cref="ErrorCode.NodeExists"/>, <see cref="ErrorCode.NoNode"/> (the parent is missing),
    /// <see cref="ErrorCode.NoChildrenForEphemerals"/>, and others.
    /// </exception>
    public Task<CreatedNode> CreateAsync(
        string path,
        ReadOnlyMemory<byte> data = default,
        CreateMode mode = CreateMode.Persistent,
        IReadOnlyList<Acl>? acl = null,
        TimeSpan ttl = default,
        CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path, NodePath.IsSequential(mode));
        var message = new CreateMessage(_chroot, path, data, mode, acl is null ? _newNodeAcl : Acl.Copy(acl), NodePath.TtlMilliseconds(mode, ttl));
        return Send<CreateMessage, CreatedNode>(message, path, cancellation, data.Length);
    }

    /// <summary>Deletes a node that has no children.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="version">The expected version; -1 for any.</param>
    /// <param name="cancellation">See the remarks of the class.</param>
    /// <exception cref="RequestRefusedException">
    /// <see cref="ErrorCode.NoNode"/>, <see cref="ErrorCode.BadVersion"/>, <see cref="ErrorCode.NotEmpty"/>, and others.
    /// </exception>
    public Task DeleteAsync(string path, int version = -1, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return Send<DeleteMessage, Nothing>(new DeleteMessage(_chroot.Apply(path), version), path, cancellation);
    }

    /// <summary>Reads whether a node exists.</summary>
    /// <returns>The node's state, or null if there is no such node.</returns>
    public Task<Stat?> ExistsAsync(string path, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return Send<ExistsMessage, Stat?>(new ExistsMessage(_chroot.Apply(path)), path, cancellation);
    }

    /// <summary>Reads whether a node exists and sets a watch for its creation, deletion and changes of its data.</summary>
    public Task<Watched<Stat?>> WatchExistsAsync(string path, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return _watches.ReadAsync<ExistsMessage, Stat?>(
            static (node, asks) => new ExistsMessage(node, asks), WatchKind.Data, _chroot.Apply(path), path, cancellation);
    }

    /// <summary>Reads a node's data.</summary>
    /// <returns>The data and its state, or null if there is no such node.</returns>
    public Task<NodeData?> GetDataAsync(string path, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return Send<GetDataMessage, NodeData?>(new GetDataMessage(_chroot.Apply(path)), path, cancellation);
    }

    /// <summary>Reads a node's data and sets a watch for changes of it and for the node's deletion.</summary>
    /// <returns>Null if there is no such node; no watch is left then.</returns>
    public Task<Watched<NodeData>?> WatchDataAsync(string path, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return _watches.ReadDataAsync(_chroot.Apply(path), path, cancellation);
    }

    /// <summary>Sets a node's data.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="data">The new data; it must not change until the task completes.</param>
    /// <param name="version">The expected version; -1 for any.</param>
    /// <param name="cancellation">See the remarks of the class.</param>
    /// <exception cref="RequestRefusedException">
    /// <see cref="ErrorCode.NoNode"/>, <see cref="ErrorCode.BadVersion"/>, and others.
    /// </exception>
    public Task<Stat> SetDataAsync(string path, ReadOnlyMemory<byte> data, int version, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return Send<SetDataMessage, Stat>(new SetDataMessage(_chroot.Apply(path), data, version), path, cancellation, data.Length);
    }

    /// <summary>Lists a node's children: the protocol's <c>getChildren2</c>, which says all that the older <c>getChildren</c> does.</summary>
    /// <returns>The children with the parent's state, or null if there is no such node.</returns>
    public Task<NodeChildren?> GetChildrenAsync(string path, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return Send<GetChildrenMessage, NodeChildren?>(new GetChildrenMessage(_chroot.Apply(path)), path, cancellation);
    }

    /// <summary>Lists a node's children and sets a watch for creations and deletions among them and for the node's own deletion.</summary>
    /// <returns>Null if there is no such node; no watch is left then.</returns>
    public async Task<Watched<NodeChildren>?> WatchChildrenAsync(string path, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        Watched<NodeChildren?> read = await _watches.ReadAsync<GetChildrenMessage, NodeChildren?>(
            static (node, asks) => new GetChildrenMessage(node, asks), WatchKind.Child, _chroot.Apply(path), path, cancellation).ConfigureAwait(false);
        return read.Value is null ? null : new Watched<NodeChildren>(read.Value, read.Watch);
    }

    /// <summary>
    /// Waits until the server in use has caught up with the leader: a read sent after this call on the same client sees every change
    /// that was acknowledged to anybody before this call. Not a quorum operation: a deposed leader can still answer it.
    /// </summary>
    public Task SyncAsync(string path, CancellationToken cancellation = default)
    {
        NodePath.ThrowIfInvalid(path);
        return Send<SyncMessage, Nothing>(new SyncMessage(_chroot.Apply(path)), path, cancellation);
    }

    /// <summary>Carries out a transaction: all of it or nothing.</summary>
    /// <returns>The parts' results, or the error of the part that failed. A refusal is a result here, not an exception.</returns>
    public Task<TransactionResult> CommitAsync(Transaction transaction, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        return Send<MultiMessage, TransactionResult>(new MultiMessage(_chroot, transaction.PartsWith(_newNodeAcl)), null, cancellation, transaction.DataLength);
    }

    /// <summary>Lists the ephemeral nodes of this session whose paths start with a prefix (plain text, not by segments).</summary>
    public Task<IReadOnlyList<string>> GetEphemeralsAsync(string prefix, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return Send<GetEphemeralsMessage, IReadOnlyList<string>>(new GetEphemeralsMessage(_chroot, prefix), prefix, cancellation);
    }

    /// <summary>
    /// Closes the session, so that its ephemeral nodes go away now. Waits at most two seconds for the server's confirmation; without
    /// it they stay until the session times out. Requests still waiting are refused with <see cref="SessionEndedException"/>.
    /// </summary>
    public ValueTask DisposeAsync() => _session.CloseAsync();

    /// <summary>
    /// Data that exceeds the limit by itself is refused before it is encoded: the session's thread has better things to do than to copy
    /// gigabytes that it may not send.
    /// </summary>
    internal Task<TReply> Send<TMessage, TReply>(TMessage message, string? path, CancellationToken cancellation, long dataLength = 0)
        where TMessage : struct, IMessage<TReply> =>
        dataLength > _maxRequestBytes
            ? Task.FromException<TReply>(new RequestTooLargeException(dataLength, _maxRequestBytes))
            : _session.Send(new PendingRequest<TMessage, TReply>(message, path), cancellation);
}
