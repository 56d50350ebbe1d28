using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>What an acknowledgement did.</summary>
/// <param name="Acked">How many messages were removed for good.</param>
/// <param name="Lost">The leases that had ended before; their messages have come back, or were acknowledged by another.</param>
public sealed record AckReply([property: Required] int Acked, [property: Required] IReadOnlyList<string> Lost);
