using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace LockService.Contracts;

/// <summary>A page of held locks.</summary>
/// <param name="Items">The locks in the order of their names.</param>
/// <param name="Next">What to give as `after` to get the next page; null if this is the last one.</param>
public sealed record LockListReply(
    [property: Required] IReadOnlyList<HeldLockReply> Items,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next);

/// <summary>A held lock in a list: as it is read by itself, but for those who wait, who are only counted.</summary>
/// <param name="Name">The lock.</param>
/// <param name="Held">True: locks that nobody holds are not listed.</param>
/// <param name="Mode">How it is held.</param>
/// <param name="Holders">The holders; more than one only in shared mode.</param>
/// <param name="QueueLength">The number of all waiters.</param>
public sealed record HeldLockReply(
    [property: Required] string Name,
    [property: Required] bool Held,
    [property: Required] LockMode Mode,
    [property: Required] IReadOnlyList<HolderReply> Holders,
    [property: Required] int QueueLength);
