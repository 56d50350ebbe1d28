using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// One listing of a lock's directory, in the order of the queue. Staleness can only hide that somebody has left, never invent that
/// nobody is there, as long as the listing contains one's own node: all lower numbers were created before it.
/// </summary>
internal sealed class Contenders
{
    private readonly ContenderName[] _ordered;

    internal Contenders(NodeChildren? children)
        : this(
            children is null ? [] : [.. children.Names.Select(ContenderName.Parse).OfType<ContenderName>().OrderBy(c => c.Sequence)],
            children?.Stat.ChildrenZxid ?? 0)
    {
    }

    private Contenders(ContenderName[] ordered, long childrenZxid)
    {
        _ordered = ordered;
        ChildrenZxid = childrenZxid;
    }

    /// <summary>The transaction that last changed the listing.</summary>
    internal long ChildrenZxid { get; }

    internal IReadOnlyList<ContenderName> InOrder => _ordered;

    internal ContenderName? Find(string name) => Array.Find(_ordered, c => c.Name == name);

    internal ContenderName? FindPrefix(string prefix) => Array.Find(_ordered, c => c.Name.StartsWith(prefix, StringComparison.Ordinal));

    /// <summary>The same listing as the others see it once this contender has left.</summary>
    internal Contenders Without(ContenderName own) => new([.. _ordered.Where(c => c != own)], ChildrenZxid);

    /// <summary>Whether somebody who comes now would have to wait.</summary>
    internal bool BlocksNewcomer(LockMode mode) =>
        mode == LockMode.Exclusive ? _ordered.Length > 0 : Array.Exists(_ordered, c => c.Mode == LockMode.Exclusive);

    /// <summary>The highest contender that blocks this one: the one to watch. Null if nothing does.</summary>
    internal ContenderName? BlockerOf(ContenderName own) => Array.FindLast(_ordered, own.IsBlockedBy);

    /// <summary>The holders of ours that block this one.</summary>
    internal IEnumerable<ContenderName> HoldersBlocking(ContenderName own) => _ordered.Where(c => c.IsHolder && own.IsBlockedBy(c));
}
