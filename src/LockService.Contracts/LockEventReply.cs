using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>The data of an event of a lock or a lease, except `resync`, whose data is the lock's state. What is not known is left out.</summary>
/// <param name="Name">The lock.</param>
/// <param name="Owner">Who holds, held or waits.</param>
/// <param name="Mode">Exclusive or shared.</param>
/// <param name="FencingToken">The holder's token.</param>
/// <param name="RemainingMs">About how much is left of the lease: for `acquired`, `renewed` and `expiring-soon`.</param>
public sealed record LockEventReply([property: Required] string Name, string? Owner, LockMode? Mode, long? FencingToken, long? RemainingMs);
