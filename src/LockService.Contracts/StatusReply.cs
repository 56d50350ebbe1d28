using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace LockService.Contracts;

/// <summary>The state of the instance that answers.</summary>
/// <param name="Version">The service's version.</param>
/// <param name="InstanceId">Random, new with every start.</param>
/// <param name="Draining">Whether it is shutting down.</param>
/// <param name="ZooKeeper">Its connection to ZooKeeper.</param>
public sealed record StatusReply(
    [property: Required] string Version,
    [property: Required] string InstanceId,
    [property: Required] bool Draining,
    [property: Required] ZooKeeperReply ZooKeeper);

/// <summary>An instance's connection to ZooKeeper.</summary>
/// <param name="State">`connecting`, `connected` or `ended`.</param>
/// <param name="SessionId">The session's id in hexadecimal; null before the first connection.</param>
/// <param name="SessionTimeoutMs">The timeout that the servers granted; null before the first connection.</param>
/// <param name="Server">The server in use; null while there is none.</param>
/// <param name="Ensemble">The configured servers.</param>
public sealed record ZooKeeperReply(
    [property: Required] string State,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? SessionId,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] long? SessionTimeoutMs,
    [property: Required, JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Server,
    [property: Required] IReadOnlyList<string> Ensemble);

/// <summary>The answer of a health probe that succeeds.</summary>
/// <param name="Status">`live` or `ready`.</param>
public sealed record ProbeReply([property: Required] string Status);
