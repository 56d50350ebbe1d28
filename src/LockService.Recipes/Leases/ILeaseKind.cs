using LockService.ZooKeeper;

namespace LockService.Recipes.Leases;

/// <summary>What the <see cref="LeaseObserver"/> must know of the nodes it times.</summary>
internal interface ILeaseKind
{
    /// <summary>The lease written in the node; null if the node carries none (any more).</summary>
    TimeSpan? ReadTtl(NodeData node);

    /// <summary>
    /// Ends the lease on condition that the node still has the version that was read. A refusal because it has not, or is gone, is no failure.
    /// </summary>
    Task ExpireAsync(ZooKeeperClient client, string path, NodeData node, CancellationToken cancellation);
}
