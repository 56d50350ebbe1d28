using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper;

/// <summary>Reads of many nodes at once (ZooKeeper 3.6 and later; older servers close the connection).</summary>
public static class ReadOperations
{
    /// <summary>Makes many reads in one round trip. It is no snapshot, and an empty batch is allowed.</summary>
    /// <returns>A result for each read, of which any may have failed.</returns>
    public static Task<ReadBatchResult> ReadAsync(this ZooKeeperClient client, ReadBatch batch, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(batch);
        return client.Send<MultiReadMessage, ReadBatchResult>(new MultiReadMessage(client.Chroot, [.. batch.Parts]), null, cancellation);
    }

    /// <summary>Counts everything below a node. The server looks at all nodes it has, at the expense of every other request.</summary>
    /// <returns>The number of children, their children, and so on; null if there is no such node.</returns>
    public static Task<int?> CountDescendantsAsync(this ZooKeeperClient client, string path, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        NodePath.ThrowIfInvalid(path);
        return client.Send<CountDescendantsMessage, int?>(new CountDescendantsMessage(client.ServerPath(path)), path, cancellation);
    }
}
