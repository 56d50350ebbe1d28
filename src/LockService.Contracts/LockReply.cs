using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace LockService.Contracts;

/// <summary>Who holds a lock and who waits for it. A lock that nobody ever used looks like one that is free.</summary>
/// <param name="Name">The lock.</param>
/// <param name="Held">Whether anybody holds it.</param>
/// <param name="Mode">How it is held; null while it is free.</param>
/// <param name="Holders">The holders; more than one only in shared mode.</param>
/// <param name="Waiters">The first 100 waiters in the order in which they will be served.</param>
/// <param name="QueueLength">The number of all waiters.</param>
/// <param name="ClosedMs">About how long the lock stays closed after a lease that its holder did not release; left out if it is not.</param>
public sealed record LockReply(
    [property: Required] string Name,
    [property: Required] bool Held,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] LockMode? Mode,
    [property: Required] IReadOnlyList<HolderReply> Holders,
    [property: Required] IReadOnlyList<WaiterReply> Waiters,
    [property: Required] int QueueLength,
    long? ClosedMs = null);

/// <summary>A holder of a lock.</summary>
/// <param name="Owner">Who holds it, as that caller named itself.</param>
/// <param name="Mode">Exclusive or shared.</param>
/// <param name="FencingToken">Its token.</param>
/// <param name="AcquiredAt">Since when; for people to read.</param>
/// <param name="RemainingMs">About how much is left of its lease; null for a holder that took the lock past this service.</param>
/// <param name="Metadata">What it wanted others to see.</param>
/// <param name="Name">The lock; only where holders of several locks are listed.</param>
public sealed record HolderReply(
    [property: Required] string Owner,
    [property: Required] LockMode Mode,
    [property: Required] long FencingToken,
    [property: Required] DateTimeOffset AcquiredAt,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? RemainingMs,
    [property: Required] IReadOnlyDictionary<string, string> Metadata,
    string? Name = null);

/// <summary>A waiter for a lock.</summary>
/// <param name="Position">Its place in the queue, from 1.</param>
/// <param name="Owner">Who waits, as that caller named itself.</param>
/// <param name="Mode">Exclusive or shared.</param>
/// <param name="WaitingMs">About how long it has been waiting.</param>
public sealed record WaiterReply(
    [property: Required] int Position,
    [property: Required] string Owner,
    [property: Required] LockMode Mode,
    [property: Required] long WaitingMs);
