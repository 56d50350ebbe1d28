using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>Whose hold on the lock to verify: exactly one of the members.</summary>
public sealed record VerifyRequest : ICheckedRequest
{
    /// <summary>A fencing token.</summary>
    [JsonConverter(typeof(PresentInt64Converter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? FencingToken { get; set; }

    /// <summary>A lease's secret.</summary>
    [StringLength(LeaseIds.MaxLength, MinimumLength = 1), RegularExpression(LeaseIds.Pattern), DisallowNull]
    public string? LeaseId { get; set; }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        if (FencingToken is null == LeaseId is null)
        {
            errors.Add("fencingToken", LeaseId is null ? "is required, or leaseId instead." : "cannot be given together with leaseId.");
        }

        if (LeaseId is not null)
        {
            errors.RequireLeaseId("leaseId", LeaseId);
        }
    }
}

/// <summary>Whether a hold is valid.</summary>
/// <param name="Valid">Whether it was at a moment between the request and this answer.</param>
public sealed record VerifyReply([property: Required] bool Valid);
