namespace LockService.ZooKeeper;

/// <summary>A node's access control list together with the <see cref="ZooKeeper.Stat"/> of the same moment.</summary>
/// <param name="Entries">
/// The entries. Without <see cref="Permissions.Admin"/> the hashes of <c>digest</c> entries read as <c>x</c> (since 3.4.14 and 3.5.5).
/// </param>
/// <param name="Stat">The node's state; <see cref="Stat.AclVersion"/> is the condition of setting another list.</param>
public sealed record NodeAcl(IReadOnlyList<Acl> Entries, Stat Stat);
