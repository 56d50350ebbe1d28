namespace LockService.ZooKeeper;

/// <summary>The children of a node and the parent's own <see cref="ZooKeeper.Stat"/>, both of one moment.</summary>
/// <param name="Names">Bare names, without the parent's path, in no particular order.</param>
/// <param name="Stat">The parent's state; its <see cref="Stat.ChildrenZxid"/> dates the listing.</param>
public sealed record NodeChildren(IReadOnlyList<string> Names, Stat Stat);
