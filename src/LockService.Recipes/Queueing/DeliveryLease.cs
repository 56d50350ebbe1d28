using LockService.Recipes.Commit;
using LockService.Recipes.Leases;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Leases on messages: they end by the message coming back to its old place, not by the removal of a node. Whoever waits on this
/// instance for the queue hears of it at once.
/// </summary>
internal sealed class DeliveryLease(QueueServices services, Action<string> messageBack) : ILeaseKind
{
    public TimeSpan? ReadTtl(NodeData node) =>
        DeliveryRecord.Parse(node.Data) is { Available: false } record ? TimeSpan.FromMilliseconds(record.LeaseMs) : null;

    public async Task ExpireAsync(ZooKeeperClient client, string path, int version, CancellationToken cancellation)
    {
        NodeData? node = await client.GetDataAsync(path, cancellation).ConfigureAwait(false);
        if (node is not null && node.Stat.Version == version && DeliveryRecord.Parse(node.Data) is { Available: false } record)
        {
            await BringBackAsync(path, version, record, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Times a lease that was granted or seen.</summary>
    internal void Observe(string path, int version, DeliveryRecord record) =>
        services.Leases.Observe(path, version, TimeSpan.FromMilliseconds(record.LeaseMs), this);

    /// <summary>Returns messages that nobody got to see. What cannot be returned now comes back when its lease ends.</summary>
    internal async Task GiveBackAsync(IEnumerable<TakenMessage> messages)
    {
        try
        {
            await Task.WhenAll(messages.Select(message => BringBackAsync(
                message.Path,
                message.Version,
                message.Record with { DeliveryCount = message.Record.DeliveryCount - 1 },
                CancellationToken.None))).ConfigureAwait(false);
        }
        catch (CoordinationException)
        {
            // The lease is being timed.
        }
    }

    /// <summary>Whoever was first, the holder's acknowledgement, another's expiry or we, has decided: refusals are no failure.</summary>
    private async Task BringBackAsync(string path, int version, DeliveryRecord record, CancellationToken cancellation)
    {
        QueueTree tree = QueueTree.OfDelivery(services.Options.Root, path);
        byte[] back = (record with { Secret = "", Available = true }).ToBytes();
        CommitUnit unit = new CommitUnit(tree.Queue).SetData(path, back, version);
        await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
        messageBack(tree.Name);
    }
}
