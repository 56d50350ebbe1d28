using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>A counter.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value.</param>
/// <param name="Version">Rises with every change; also the ETag.</param>
/// <param name="ModifiedAt">When it was last changed; for people to read.</param>
public sealed record CounterReply(
    [property: Required] string Name,
    [property: Required] long Value,
    [property: Required] long Version,
    [property: Required] DateTimeOffset ModifiedAt);

/// <summary>What an increment did.</summary>
/// <param name="Name">The counter.</param>
/// <param name="Value">The value after it.</param>
/// <param name="Previous">The value before it.</param>
public sealed record IncrementReply(
    [property: Required] string Name,
    [property: Required] long Value,
    [property: Required] long Previous);
