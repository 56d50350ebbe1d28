using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper;

/// <summary>What a server can be asked about the watches it holds for a connection. The values are those of the wire protocol.</summary>
public enum WatcherType
{
    /// <summary>One-shot watches of the children.</summary>
    Children = 1,

    /// <summary>One-shot watches of the data or the existence.</summary>
    Data = 2,

    /// <summary>Watches of any kind.</summary>
    Any = 3,

    /// <summary>Persistent watches of scope <see cref="WatchScope.Node"/>; needs ZooKeeper 3.9.</summary>
    Persistent = 4,

    /// <summary>Persistent watches of scope <see cref="WatchScope.Subtree"/>; needs ZooKeeper 3.9.</summary>
    PersistentRecursive = 5,
}

/// <summary>
/// Watches that stay, and questions about watches. One-shot watches are set by reads: <see cref="ZooKeeperClient.WatchExistsAsync"/>,
/// <see cref="ZooKeeperClient.WatchDataAsync"/>, <see cref="ZooKeeperClient.WatchChildrenAsync"/>.
/// </summary>
public static class WatchOperations
{
    /// <summary>Sets a watch that stays until it is removed, and survives reconnects (ZooKeeper 3.6 and later; older servers close the connection).</summary>
    /// <param name="client">The session.</param>
    /// <param name="path">An absolute path; the node need not exist.</param>
    /// <param name="scope">The node, or it and everything below it. All watches of one path in one client have the same scope.</param>
    /// <param name="bufferSize">Events kept for a slow reader, at least 1; beyond it they become one <see cref="WatchEventType.Gap"/>.</param>
    /// <param name="cancellation">See the remarks of <see cref="ZooKeeperClient"/>; no watch is left after it.</param>
    /// <returns>The stream of all changes after this call. To follow a state, read it after this call, then apply the events.</returns>
    /// <exception cref="InvalidOperationException">
    /// The client has a watch of the other scope on this path. Servers before 3.9 keep only the last one (ZOOKEEPER-4466).
    /// </exception>
    /// <exception cref="ZooKeeperException">The watch was not set, or the connection was lost; no watch is left.</exception>
    public static Task<PersistentWatch> AddWatchAsync(
        this ZooKeeperClient client, string path, WatchScope scope, int bufferSize = 1_000, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        NodePath.ThrowIfInvalid(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(bufferSize, 1);
        return Enum.IsDefined(scope)
            ? client.Watches.AddAsync(path, scope, bufferSize, cancellation)
            : throw new ArgumentOutOfRangeException(nameof(scope), scope, "A watch sees a node or a subtree.");
    }

    /// <summary>
    /// Asks whether the server in use holds a watch of this client on a path. A one-shot watch set beside a persistent one is served by
    /// that one's registration. Servers before 3.9 do not tell the kinds apart where a persistent watch is.
    /// </summary>
    /// <exception cref="RequestRefusedException"><see cref="ErrorCode.MarshallingError"/> for a type that the server does not know.</exception>
    public static Task<bool> HasWatchAsync(
        this ZooKeeperClient client, string path, WatcherType type = WatcherType.Any, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        NodePath.ThrowIfInvalid(path);
        return client.Send<CheckWatchesMessage, bool>(new CheckWatchesMessage(client.ServerPath(path), type, remove: false), path, cancellation);
    }
}
