using System.Security.Cryptography;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The secret that acknowledges one delivery of a message: 128 random bits and the message's id and number, which determine the path, so
/// that any instance can serve it. Never logged, never part of a state read.
/// </summary>
internal readonly record struct DeliveryId(string Secret, MessageName Message)
{
    private const int SecretLength = 32;

    internal static DeliveryId New(MessageName message) => new(RandomNumberGenerator.GetHexString(SecretLength, lowercase: true), message);

    /// <summary>Null if the text is no lease id.</summary>
    internal static DeliveryId? Parse(string leaseId) =>
        leaseId.Length > SecretLength && leaseId[SecretLength] == '-' && MessageName.Parse($"m{leaseId.AsSpan(SecretLength)}") is { } message
            ? new DeliveryId(leaseId[..SecretLength], message)
            : null;

    internal string ToLeaseId() => $"{Secret}{Message.ToString().AsSpan(1)}";

    /// <summary>Hides the secret from logs.</summary>
    public override string ToString() => Message.ToString();
}
