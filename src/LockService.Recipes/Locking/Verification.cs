using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Tells whether somebody holds a lock at this moment, for resources that cannot compare tokens themselves. It reflects every change
/// acknowledged before it was asked, and says nothing of the moment after.
/// </summary>
internal sealed class Verification(LockServices services, LockDirectory directory)
{
    /// <summary>Nodes read in one request.</summary>
    private const int NodesAtOnce = 250;

    /// <summary>Whether the token is that of a present holder. The number of a waiter's creation is nobody's token.</summary>
    internal Task<bool> IsTokenOfHolderAsync(long token, CancellationToken cancellation) => services.Store.ReadAsync(
        async (client, stop) =>
        {
            var seen = new Contenders(await services.Reads.ListAsync(client, directory.Path, latest: true, stop).ConfigureAwait(false));
            foreach (ContenderName[] some in seen.Holding.Chunk(NodesAtOnce))
            {
                string[] paths = [.. some.Select(contender => directory.Child(contender.Name))];
                NodeData?[] nodes = await services.Reads.GetDataAsync(client, paths, latest: false, stop).ConfigureAwait(false);
                if (some.Zip(nodes).Any(one => one.Second is { } node && node.Stat.CreatedZxid == token && IsHolder(one.First, node)))
                {
                    return true;
                }
            }

            return false;
        },
        cancellation);

    /// <summary>Reads the holder of a lease in sync; null if the lease has ended.</summary>
    internal Task<(NodeData Node, ContenderRecord Record)?> FindAsync(ContenderName holder, CancellationToken cancellation) =>
        services.Store.ReadAsync(
            async (client, stop) =>
            {
                string[] path = [directory.Child(holder.Name)];
                NodeData? node = (await services.Reads.GetDataAsync(client, path, latest: true, stop).ConfigureAwait(false))[0];
                return node is not null && ContenderRecord.Parse(node.Data) is { } record ? (node, record) : ((NodeData, ContenderRecord)?)null;
            },
            cancellation);

    /// <summary>One of ours by its name; any other by having no record of a waiter of ours.</summary>
    private static bool IsHolder(ContenderName contender, NodeData node) => contender.IsHolder || ContenderRecord.Parse(node.Data) is null;
}
