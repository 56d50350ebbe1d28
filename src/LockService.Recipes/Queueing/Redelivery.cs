using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Answers a dequeue again: the same messages on the same leases. Whoever asks again counts his leases from then on, so they are extended
/// first; those that have ended meanwhile are left out.
/// </summary>
internal sealed class Redelivery(QueueTree tree, QueueServices services, DeliveryLease leases)
{
    internal async Task<KeyedAnswer<IReadOnlyList<LeasedMessage>>> RunAsync(IReadOnlyList<string> leaseIds, TimeSpan lease, Deadline deadline)
    {
        LeasedMessage?[] messages = await Task.WhenAll(
            leaseIds.Select(DeliveryId.Parse).OfType<DeliveryId>().Select(id => ExtendAsync(id, lease, deadline))).ConfigureAwait(false);
        return KeyedAnswer.Done<IReadOnlyList<LeasedMessage>>([.. messages.OfType<LeasedMessage>()]);
    }

    /// <returns>Null if the lease has ended.</returns>
    private async Task<LeasedMessage?> ExtendAsync(DeliveryId id, TimeSpan lease, Deadline deadline)
    {
        string path = tree.Delivery(id.Message);
        while (true)
        {
            (NodeData? delivery, NodeData? message) = await services.Store.ReadAsync((client, token) => ReadAsync(client, id, token), deadline)
                .ConfigureAwait(false);
            if (delivery is null || message is null || DeliveryRecord.Parse(delivery.Data) is not { Available: false } record || record.Secret != id.Secret)
            {
                return null;
            }

            // Its holder may have the lease already, and have extended it: it never gets shorter.
            DeliveryRecord extended = record with { LeaseMs = Math.Max(record.LeaseMs, (long)lease.TotalMilliseconds) };
            CommitUnit unit = new CommitUnit(tree.Queue).SetData(path, extended.ToBytes(), delivery.Stat.Version);
            CommitResult result = await services.Lanes.CommitAsync(unit, deadline, CancellationToken.None).ConfigureAwait(false);
            if (result.Committed)
            {
                leases.Observe(path, delivery.Stat.Version + 1, extended);
                return LeasedMessage.Of(id, message, extended.DeliveryCount, lease);
            }

            if (result.Error is not (ErrorCode.BadVersion or ErrorCode.NoNode))
            {
                throw new StoreUnavailableException($"ZooKeeper refuses to extend a lease: {result.Error}.");
            }
        }
    }

    private async Task<(NodeData? Delivery, NodeData? Message)> ReadAsync(ZooKeeperClient client, DeliveryId id, CancellationToken cancellation)
    {
        Task sync = client.SyncAsync(tree.Queue, cancellation);
        Task<NodeData?> delivery = client.GetDataAsync(tree.Delivery(id.Message), cancellation);
        Task<NodeData?> message = client.GetDataAsync(tree.Message(id.Message), cancellation);
        await Task.WhenAll(sync, delivery, message).ConfigureAwait(false);
        return (await delivery.ConfigureAwait(false), await message.ConfigureAwait(false));
    }
}
