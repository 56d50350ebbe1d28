using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>What an acknowledgement did.</summary>
/// <param name="Acked">How many messages were removed for good.</param>
/// <param name="Lost">The leases that had ended before; their messages have come back, or were acknowledged by another.</param>
public sealed record AckReply([property: Required] int Acked, [property: Required] IReadOnlyList<string> Lost);

/// <summary>What giving back did.</summary>
/// <param name="Nacked">How many messages went back to their places, or became dead letters.</param>
/// <param name="Lost">The leases that had ended before.</param>
public sealed record NackReply([property: Required] int Nacked, [property: Required] IReadOnlyList<string> Lost);

/// <summary>What an extension did.</summary>
/// <param name="Extended">How many leases begin anew.</param>
/// <param name="Lost">The leases that had ended before.</param>
public sealed record ExtendReply([property: Required] int Extended, [property: Required] IReadOnlyList<string> Lost);
