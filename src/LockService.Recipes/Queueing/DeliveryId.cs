using System.Security.Cryptography;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The secret that acknowledges one delivery of a message: 128 random bits, the queue's life and the message's name, which determine the path,
/// so that any instance can serve it. Never logged, never part of a state read.
/// </summary>
internal readonly record struct DeliveryId(string Secret, string Life, MessageName Message)
{
    private const int SecretLength = 32;

    internal static DeliveryId New(string life, MessageName message) =>
        new(RandomNumberGenerator.GetHexString(SecretLength, lowercase: true), life, message);

    /// <summary>What is told of a message: the same at every delivery, and of no other message ever.</summary>
    internal static string MessageId(string life, MessageName message) => $"{life}-{message}";

    /// <summary>Null if it is not the id of a message of that life.</summary>
    internal static MessageName? MessageOf(string life, string messageId) =>
        messageId.StartsWith($"{life}-", StringComparison.Ordinal) ? MessageName.Parse(messageId.AsSpan(life.Length + 1)) : null;

    /// <summary>Null if the text is no lease id.</summary>
    internal static DeliveryId? Parse(string leaseId)
    {
        const int name = SecretLength + 1 + QueueTree.LifeLength + 1;
        return leaseId.Length > name && leaseId[SecretLength] == '-' && leaseId[name - 1] == '-'
            && MessageName.Parse(leaseId.AsSpan(name)) is { } message
            ? new DeliveryId(leaseId[..SecretLength], leaseId[(SecretLength + 1)..(name - 1)], message)
            : null;
    }

    internal string ToLeaseId() => $"{Secret}-{Life}-{Message}";

    /// <summary>Hides the secret from logs.</summary>
    public override string ToString() => MessageId(Life, Message);
}
