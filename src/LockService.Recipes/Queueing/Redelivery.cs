using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Answers a dequeue again: the same messages on the same leases. Whoever asks again counts his leases from then on, so they are extended
/// first; those that have ended meanwhile are left out.
/// </summary>
internal sealed class Redelivery(LocalQueue queue, LeaseCalls leases, QueueServices services)
{
    internal async Task<KeyedAnswer<IReadOnlyList<LeasedMessage>>> RunAsync(IReadOnlyList<string> leaseIds, TimeSpan lease, Deadline deadline)
    {
        // Its holder may have a lease already, and have extended it: it never gets shorter.
        KeyedAnswer<IReadOnlyList<string>> extended = await leases.ServeAsync(
            leaseIds,
            (record, _) => record with { LeaseMs = Math.Max(record.LeaseMs, (long)lease.TotalMilliseconds) },
            null,
            deadline,
            CancellationToken.None).ConfigureAwait(false);
        DeliveryId[] held = [.. leaseIds.Except(extended.Result).Select(DeliveryId.Parse).OfType<DeliveryId>()];
        if (held.Length == 0 || queue.Tail is not { } tail)
        {
            return KeyedAnswer.Done<IReadOnlyList<LeasedMessage>>([]);
        }

        var batch = new ReadBatch();
        foreach (DeliveryId id in held)
        {
            batch.GetData(tail.Tree.Message(id.Message)).GetData(tail.Tree.Delivery(id.Message));
        }

        ReadBatchResult read = await services.Store.ReadAsync((client, token) => client.ReadAsync(batch, token), deadline).ConfigureAwait(false);
        var messages = new List<LeasedMessage>();
        for (int i = 0; i < held.Length; i++)
        {
            if (read.Data(2 * i) is { } message && read.Data((2 * i) + 1) is { } delivery && DeliveryRecord.Parse(delivery.Data) is { } record)
            {
                messages.Add(LeasedMessage.Of(held[i], new MessageContent(message.Data, message.Stat.CreatedAt), record.DeliveryCount, lease));
            }
        }

        return KeyedAnswer.Done<IReadOnlyList<LeasedMessage>>(messages);
    }
}
