using System.Globalization;
using System.Net;
using System.Text;
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

    /// <summary>The servers that a configuration names, for <see cref="ZooKeeperClient.UpdateServers"/>.</summary>
    /// <param name="config">What <see cref="GetConfigAsync"/> and the others here return.</param>
    /// <returns>
    /// One for each server with a client port, at its address for clients, or at the one for other servers if clients may use any. The
    /// ports are those without TLS: a configuration has no others.
    /// </returns>
    public static IReadOnlyList<ServerName> ServersIn(NodeData config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return [.. Encoding.UTF8.GetString(config.Data.Span).Split('\n').Select(ServerIn).OfType<ServerName>()];
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

    /// <returns>Null for a line that is not about a server, or about one without a client port.</returns>
    private static ServerName? ServerIn(string line)
    {
        int equals = line.IndexOf('=', StringComparison.Ordinal);
        int semicolon = line.LastIndexOf(';');
        if (!line.StartsWith("server.", StringComparison.Ordinal) || semicolon < equals)
        {
            return null;
        }

        // A bare port, or address:port.
        string forClients = line[(semicolon + 1)..].Trim();
        int colon = forClients.LastIndexOf(':');
        string host = forClients[..Math.Max(colon, 0)].Trim('[', ']');
        bool isAny = host.Length == 0 || (IPAddress.TryParse(host, out IPAddress? address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)));
        if (isAny)
        {
            string forServers = line[(equals + 1)..semicolon];
            int bracket = forServers.StartsWith('[') ? forServers.IndexOf(']', StringComparison.Ordinal) : 0;
            host = forServers[..forServers.IndexOf(':', bracket)].Trim('[', ']');
        }

        return new ServerName(host, int.Parse(forClients.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture));
    }

    private static Task<NodeData> Send(ZooKeeperClient client, ReconfigMessage message, CancellationToken cancellation) =>
        client.Send<ReconfigMessage, NodeData>(message, ConfigPath, cancellation);
}
