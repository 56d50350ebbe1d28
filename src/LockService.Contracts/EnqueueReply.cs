namespace LockService.Contracts;

/// <summary>The ids of the messages that were put into the queue.</summary>
/// <param name="MessageId">The message's id, if the request had one `body`.</param>
/// <param name="MessageIds">The messages' ids in the order of the request, if it had `messages`.</param>
public sealed record EnqueueReply(string? MessageId = null, IReadOnlyList<string>? MessageIds = null);
