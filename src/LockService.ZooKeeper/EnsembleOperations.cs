using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper;

/// <summary>
/// The servers that make up the ensemble (ZooKeeper 3.5 and later). Their list is the data of <see cref="ConfigPath"/>: one line
/// <c>server.N=host:port:port:role;address:port</c> for each, and <c>version=</c> in hexadecimal, which is the configuration's id.
/// A standalone server has an empty one.
/// </summary>
public static class EnsembleOperations
{
    /// <summary>The node that holds the configuration; the same for every client, whatever its chroot.</summary>
    public const string ConfigPath = "/zookeeper/config";

    /// <summary>Reads the configuration as the server in use knows it.</summary>
    /// <returns>The lines, in UTF-8; null on servers before 3.5.</returns>
    public static Task<NodeData?> GetConfigAsync(this ZooKeeperClient client, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.Send<GetDataMessage, NodeData?>(new GetDataMessage(ConfigPath), ConfigPath, cancellation);
    }

    /// <summary>As <see cref="GetConfigAsync"/>, and sets a watch for changes of it.</summary>
    public static Task<Watched<NodeData>?> WatchConfigAsync(this ZooKeeperClient client, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.Watches.ReadDataAsync(ConfigPath, ConfigPath, cancellation);
    }

    /// <summary>Adds servers to the ensemble, changes their roles and addresses, and removes servers.</summary>
    /// <param name="client">The session; it needs <see cref="Permissions.Write"/> on <see cref="ConfigPath"/>.</param>
    /// <param name="joining">Lines as in the configuration; none if nobody joins. A participant must be running and follow already.</param>
    /// <param name="leaving">Numbers of servers; none if nobody leaves. Who is in neither list stays as he is.</param>
    /// <param name="configId">The expected id of the present configuration, its <c>version</c>; -1 for any.</param>
    /// <param name="cancellation">See the remarks of <see cref="ZooKeeperClient"/>. After an unknown outcome the configuration tells.</param>
    /// <returns>The new configuration.</returns>
    /// <exception cref="RequestRefusedException">
    /// <see cref="ErrorCode.ReconfigDisabled"/>, <see cref="ErrorCode.NoAuth"/>, <see cref="ErrorCode.BadVersion"/>,
    /// <see cref="ErrorCode.NewConfigNoQuorum"/>, <see cref="ErrorCode.ReconfigInProgress"/>, <see cref="ErrorCode.BadArguments"/>, and
    /// <see cref="ErrorCode.Unimplemented"/> on a standalone server.
    /// </exception>
    public static Task<NodeData> ReconfigureAsync(
        this ZooKeeperClient client,
        IReadOnlyCollection<string> joining,
        IReadOnlyCollection<int> leaving,
        long configId = -1,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(joining);
        ArgumentNullException.ThrowIfNull(leaving);
        string? join = joining.Count == 0 ? null : string.Join(',', joining);
        string? leave = leaving.Count == 0 ? null : string.Join(',', leaving);
        return Send(client, new ReconfigMessage(join, leave, null, configId), cancellation);
    }

    /// <summary>Replaces the list of servers. For the rest see <see cref="ReconfigureAsync"/>.</summary>
    /// <param name="client">The session; it needs <see cref="Permissions.Write"/> on <see cref="ConfigPath"/>.</param>
    /// <param name="members">The lines of all servers of the new configuration.</param>
    /// <param name="configId">The expected id of the present configuration; -1 for any.</param>
    /// <param name="cancellation">See the remarks of <see cref="ZooKeeperClient"/>.</param>
    /// <returns>The new configuration.</returns>
    public static Task<NodeData> ReplaceServersAsync(
        this ZooKeeperClient client, IReadOnlyCollection<string> members, long configId = -1, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(members);
        ArgumentOutOfRangeException.ThrowIfZero(members.Count, nameof(members));
        return Send(client, new ReconfigMessage(null, null, string.Join(',', members), configId), cancellation);
    }

    private static Task<NodeData> Send(ZooKeeperClient client, ReconfigMessage message, CancellationToken cancellation) =>
        client.Send<ReconfigMessage, NodeData>(message, ConfigPath, cancellation);
}
