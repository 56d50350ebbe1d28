using LockService.Recipes.Queueing;

namespace LockService.Recipes;

/// <summary>A message on lease.</summary>
/// <param name="MessageId">Its id, the same at every delivery.</param>
/// <param name="LeaseId">The secret that acknowledges this delivery.</param>
/// <param name="Body">The body, UTF-8 JSON.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="DeliveryCount">1 at the first delivery.</param>
/// <param name="EnqueuedAt">When it was enqueued, by a server's wall clock; for people to read.</param>
/// <param name="Lease">How long it is hidden from others, counted from the sending of the request plus the time waited.</param>
public sealed record LeasedMessage(
    string MessageId, string LeaseId, ReadOnlyMemory<byte> Body, int Priority, int DeliveryCount, DateTimeOffset EnqueuedAt, TimeSpan Lease)
{
    internal static LeasedMessage Of(DeliveryId id, MessageContent content, int deliveryCount, TimeSpan lease) => new(
        DeliveryId.MessageId(id.Life, id.Message),
        id.ToLeaseId(),
        content.Body,
        id.Message.Priority,
        deliveryCount,
        DateTimeOffset.FromUnixTimeMilliseconds(content.EnqueuedAtMs),
        lease);
}
