using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>A lease that lasts.</summary>
/// <param name="Kind">What is leased: `lock`, or `multilock` for several at once.</param>
/// <param name="Names">The names of what is leased.</param>
/// <param name="Owner">As given, or the caller's address.</param>
/// <param name="Mode">How the lock is shared; not of a multilock, where each has its own.</param>
/// <param name="FencingToken">Its token.</param>
/// <param name="RemainingMs">About how much is left of it; for people to read, never for safety.</param>
/// <param name="TtlMs">How long a renewal makes it last if it names no other time.</param>
/// <param name="AcquiredAt">Since when; for people to read.</param>
/// <param name="Metadata">What the owner wanted others to see.</param>
/// <param name="Locks">The locks of a multilock, in the order of their names.</param>
public sealed record LeaseStateReply(
    [property: Required] string Kind,
    [property: Required] IReadOnlyList<string> Names,
    [property: Required] string Owner,
    LockMode? Mode,
    [property: Required] long FencingToken,
    [property: Required] long RemainingMs,
    [property: Required] long TtlMs,
    [property: Required] DateTimeOffset AcquiredAt,
    [property: Required] IReadOnlyDictionary<string, string> Metadata,
    IReadOnlyList<LeasedLock>? Locks = null);
