using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>A message that nobody has leased, as it was seen.</summary>
/// <param name="Name">The message.</param>
/// <param name="DeliveryVersion">The version of its delivery's node; null if it was never delivered.</param>
/// <param name="DeliveryCount">How often it was delivered.</param>
internal readonly record struct ReadyMessage(MessageName Name, int? DeliveryVersion, int DeliveryCount);

/// <summary>One look at a queue that sees every change acknowledged before it.</summary>
internal sealed class QueueView(QueueTree tree, DeliveryLease leases)
{
    /// <summary>Deliveries read at once.</summary>
    private const int Chunk = 100;

    /// <summary>Finds the oldest ready messages. Leases that are seen on the way are timed from now on.</summary>
    internal async Task<IReadOnlyList<ReadyMessage>> FindReadyAsync(ZooKeeperClient client, int wanted, CancellationToken cancellation)
    {
        Task sync = client.SyncAsync(tree.Queue, cancellation);
        Task<NodeChildren?> messages = client.GetChildrenAsync(tree.Messages, cancellation);
        Task<NodeChildren?> deliveries = client.GetChildrenAsync(tree.Deliveries, cancellation);
        await Task.WhenAll(sync, messages, deliveries).ConfigureAwait(false);

        MessageName[] oldestFirst = MessageName.Sorted((await messages.ConfigureAwait(false))?.Names ?? []);
        HashSet<MessageName> delivered = [.. MessageName.Sorted((await deliveries.ConfigureAwait(false))?.Names ?? [])];
        var ready = new List<ReadyMessage>();
        foreach (MessageName[] chunk in oldestFirst.Chunk(Chunk))
        {
            ReadyMessage?[] seen = await Task.WhenAll(chunk.Select(name => LookAtAsync(client, name, delivered.Contains(name), cancellation)))
                .ConfigureAwait(false);
            ready.AddRange(seen.OfType<ReadyMessage>());
            if (ready.Count >= wanted)
            {
                break;
            }
        }

        return ready.Count <= wanted ? ready : ready[..wanted];
    }

    /// <summary>Completes at the next change of the messages; or at once if the queue was made meanwhile.</summary>
    internal async Task<Watch> WatchAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        Watched<NodeChildren>? children = await client.WatchChildrenAsync(tree.Messages, cancellation).ConfigureAwait(false);
        return children?.Watch ?? (await client.WatchExistsAsync(tree.Messages, cancellation).ConfigureAwait(false)).Watch;
    }

    /// <summary>Times all leases of the queue.</summary>
    internal async Task ObserveAllAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        NodeChildren? deliveries = await client.GetChildrenAsync(tree.Deliveries, cancellation).ConfigureAwait(false);
        foreach (MessageName[] chunk in MessageName.Sorted(deliveries?.Names ?? []).Chunk(Chunk))
        {
            await Task.WhenAll(chunk.Select(name => LookAtAsync(client, name, delivered: true, cancellation))).ConfigureAwait(false);
        }
    }

    /// <returns>Null if the message is on lease, or gone.</returns>
    private async Task<ReadyMessage?> LookAtAsync(ZooKeeperClient client, MessageName name, bool delivered, CancellationToken cancellation)
    {
        if (!delivered)
        {
            return new ReadyMessage(name, null, 0);
        }

        string path = tree.Delivery(name);
        NodeData? node = await client.GetDataAsync(path, cancellation).ConfigureAwait(false);
        switch (node is null ? null : DeliveryRecord.Parse(node.Data))
        {
            case null:
                return null;
            case { Available: true } record:
                return new ReadyMessage(name, node!.Stat.Version, record.DeliveryCount);
            case { } record:
                leases.Observe(path, node!.Stat.Version, record);
                return null;
        }
    }
}
