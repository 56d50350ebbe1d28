using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>How a lock is shared; <c>"exclusive"</c> or <c>"shared"</c> in JSON.</summary>
[JsonConverter(typeof(LockModeConverter))]
public enum LockMode
{
    /// <summary>One holder at a time.</summary>
    Exclusive,

    /// <summary>Any number of shared holders, and no exclusive one.</summary>
    Shared,
}
