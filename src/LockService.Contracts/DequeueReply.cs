using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>Leased messages.</summary>
/// <param name="Messages">The messages in their order; empty if there was none in time.</param>
public sealed record DequeueReply([property: Required] IReadOnlyList<MessageReply> Messages);

/// <summary>A leased message.</summary>
/// <param name="MessageId">Its id, the same at every delivery.</param>
/// <param name="LeaseId">The secret that acknowledges this delivery.</param>
/// <param name="Body">The body as it was sent.</param>
/// <param name="Priority">Its priority, 9 the highest.</param>
/// <param name="DeliveryCount">1 at the first delivery.</param>
/// <param name="EnqueuedAt">When it was put into the queue; for people to read.</param>
/// <param name="LeaseMs">How long it is hidden from others.</param>
public sealed record MessageReply(
    [property: Required] string MessageId,
    [property: Required] string LeaseId,
    [property: Required] JsonText Body,
    [property: Required] int Priority,
    [property: Required] int DeliveryCount,
    [property: Required] DateTimeOffset EnqueuedAt,
    [property: Required] long LeaseMs);
