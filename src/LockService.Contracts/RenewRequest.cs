using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>Which lease to renew.</summary>
public sealed record RenewRequest : ICheckedRequest
{
    /// <summary>The secret from the answer to acquire.</summary>
    [Required, StringLength(LeaseIds.MaxLength, MinimumLength = 1), RegularExpression(LeaseIds.Pattern)]
    public string LeaseId { get; set; } = "";

    /// <summary>The lease from this request on; the present one's TTL if left out.</summary>
    [Range(LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs)]
    [JsonConverter(typeof(PresentInt64Converter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? TtlMs { get; set; }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        errors.RequireLeaseId("leaseId", LeaseId);
        errors.RequireRange("ttlMs", TtlMs ?? LeaseLimits.DefaultTtlMs, LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs);
    }
}
