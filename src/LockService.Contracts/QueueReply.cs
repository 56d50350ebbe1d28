using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace LockService.Contracts;

/// <summary>A queue.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Ready">Messages that can be leased.</param>
/// <param name="Delayed">Messages that are hidden until their delays are over.</param>
/// <param name="Leased">Messages on lease.</param>
/// <param name="DeadLettered">Messages that were delivered too often.</param>
/// <param name="OldestAgeMs">How long ago the oldest message that is no dead letter was enqueued, by ZooKeeper's wall clock; null if there is none.</param>
/// <param name="Settings">Its settings.</param>
public sealed record QueueReply(
    [property: Required] string Name,
    [property: Required] long Ready,
    [property: Required] long Delayed,
    [property: Required] long Leased,
    [property: Required] long DeadLettered,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? OldestAgeMs,
    [property: Required] QueueSettingsReply Settings);

/// <summary>The settings of a queue.</summary>
/// <param name="MaxLength">The most messages, dead letters not counted.</param>
/// <param name="MaxDeliveries">After how many deliveries a message becomes a dead letter; 0 for never.</param>
/// <param name="DeduplicationWindowMs">How long deduplication keys are remembered.</param>
public sealed record QueueSettingsReply(
    [property: Required] long MaxLength, [property: Required] long MaxDeliveries, [property: Required] long DeduplicationWindowMs);

/// <summary>Messages of a queue, in the order in which they leave.</summary>
/// <param name="Items">The messages.</param>
/// <param name="Next">What to give as `after` to get the next page; null if this is the last one.</param>
public sealed record QueueMessagesReply(
    [property: Required] IReadOnlyList<QueueMessageReply> Items,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next);

/// <summary>A message as it is in the queue.</summary>
/// <param name="MessageId">Its id.</param>
/// <param name="State">`ready`, `delayed`, `leased` or `dead`.</param>
/// <param name="Body">The body as it was sent.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="DeliveryCount">How often it was delivered.</param>
/// <param name="EnqueuedAt">When it was put into the queue; for people to read.</param>
public sealed record QueueMessageReply(
    [property: Required] string MessageId,
    [property: Required] string State,
    [property: Required] JsonText Body,
    [property: Required] int Priority,
    [property: Required] int DeliveryCount,
    [property: Required] DateTimeOffset EnqueuedAt);

/// <summary>What a redrive did.</summary>
/// <param name="Redriven">How many dead letters are ready again.</param>
public sealed record RedriveReply([property: Required] long Redriven);
