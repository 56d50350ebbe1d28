using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace LockService.Contracts;

/// <summary>A page of counters.</summary>
/// <param name="Items">The counters in the order of their names.</param>
/// <param name="Next">What to give as `after` to get the next page; null if this is the last one.</param>
public sealed record CounterListReply(
    [property: Required] IReadOnlyList<CounterReply> Items,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next);
