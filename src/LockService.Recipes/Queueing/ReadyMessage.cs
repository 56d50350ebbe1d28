namespace LockService.Recipes.Queueing;

/// <summary>A message that nobody has leased, as it was seen.</summary>
/// <param name="Name">The message.</param>
/// <param name="DeliveryVersion">The version of its delivery's node; null if it was never leased nor delayed.</param>
/// <param name="DeliveryCount">How often it was delivered.</param>
/// <param name="Content">Its content, if that is known without reading.</param>
internal readonly record struct ReadyMessage(MessageName Name, int? DeliveryVersion, int DeliveryCount, MessageContent? Content = null);

/// <summary>What a consumer gets to see of a message.</summary>
/// <param name="Body">The body.</param>
/// <param name="EnqueuedAtMs">When it was enqueued, by a server's wall clock; for people to read.</param>
internal sealed record MessageContent(ReadOnlyMemory<byte> Body, long EnqueuedAtMs);
