using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>One lease on several locks, granted or renewed.</summary>
/// <param name="Locks">The locks in the order of their names.</param>
/// <param name="LeaseId">The secret that renews and releases the lease. Nobody else is shown it.</param>
/// <param name="FencingToken">The token of all the locks, which were granted in one transaction.</param>
/// <param name="Owner">As given, or the caller's address.</param>
/// <param name="TtlMs">The lease ends this long after the request was sent, plus `waitedMs`.</param>
/// <param name="WaitedMs">How much of the request's duration was waiting, rounded down; 0 for a renewal.</param>
/// <param name="AcquiredAt">When the locks were granted; for people to read, never for safety.</param>
/// <param name="ExpiresAt">When the lease ends if it is not renewed; for people to read, never for safety.</param>
public sealed record MultiLeaseReply(
    [property: Required] IReadOnlyList<LeasedLock> Locks,
    [property: Required] string LeaseId,
    [property: Required] long FencingToken,
    [property: Required] string Owner,
    [property: Required] long TtlMs,
    [property: Required] long WaitedMs,
    [property: Required] DateTimeOffset AcquiredAt,
    [property: Required] DateTimeOffset ExpiresAt);

/// <summary>A lock that is held together with others.</summary>
/// <param name="Name">The lock.</param>
/// <param name="Mode">Exclusive or shared.</param>
/// <param name="FencingToken">Rises with every exclusive grant of the lock: hand it to what the lock protects, to refuse older ones.</param>
public sealed record LeasedLock(
    [property: Required] string Name,
    [property: Required] LockMode Mode,
    [property: Required] long FencingToken);
