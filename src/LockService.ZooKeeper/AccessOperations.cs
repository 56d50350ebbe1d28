using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper;

/// <summary>One of the identities that a server has given to a connection.</summary>
/// <param name="Scheme">The authentication scheme: <c>ip</c> always, and <c>digest</c>, <c>sasl</c> or <c>x509</c>.</param>
/// <param name="User">Who, without secrets.</param>
public readonly record struct ClientIdentity(string Scheme, string User);

/// <summary>Who may do what with a node, and who one is. Access control lists are not inherited: each node has its own.</summary>
public static class AccessOperations
{
    /// <summary>Reads a node's access control list. Needs <see cref="Permissions.Read"/> or <see cref="Permissions.Admin"/> since 3.4.14 and 3.5.5.</summary>
    /// <returns>The list and the node's state, or null if there is no such node.</returns>
    /// <exception cref="RequestRefusedException"><see cref="ErrorCode.NoAuth"/>.</exception>
    public static Task<NodeAcl?> GetAclAsync(this ZooKeeperClient client, string path, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        NodePath.ThrowIfInvalid(path);
        return client.Send<GetAclMessage, NodeAcl?>(new GetAclMessage(client.ServerPath(path)), path, cancellation);
    }

    /// <summary>Replaces a node's access control list. Needs <see cref="Permissions.Admin"/>. No watch reports it.</summary>
    /// <param name="client">The session.</param>
    /// <param name="path">An absolute path.</param>
    /// <param name="acl">The new list, with one entry at least.</param>
    /// <param name="aclVersion">The expected <see cref="Stat.AclVersion"/>; -1 for any. The version of the data plays no part.</param>
    /// <param name="cancellation">See the remarks of <see cref="ZooKeeperClient"/>.</param>
    /// <returns>The node's state afterwards.</returns>
    /// <exception cref="RequestRefusedException">
    /// <see cref="ErrorCode.NoNode"/>, <see cref="ErrorCode.BadVersion"/>, <see cref="ErrorCode.NoAuth"/>, and
    /// <see cref="ErrorCode.InvalidAcl"/> for an empty list, an unknown scheme or an id that is none in its scheme.
    /// </exception>
    public static Task<Stat> SetAclAsync(
        this ZooKeeperClient client, string path, IReadOnlyList<Acl> acl, int aclVersion, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(acl);
        NodePath.ThrowIfInvalid(path);
        return client.Send<SetAclMessage, Stat>(new SetAclMessage(client.ServerPath(path), Acl.Copy(acl), aclVersion), path, cancellation);
    }

    /// <summary>Asks the server in use for the identities of this connection (ZooKeeper 3.7 and later; older servers close the connection).</summary>
    public static Task<IReadOnlyList<ClientIdentity>> WhoAmIAsync(this ZooKeeperClient client, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.Send<WhoAmIMessage, IReadOnlyList<ClientIdentity>>(default, null, cancellation);
    }
}
