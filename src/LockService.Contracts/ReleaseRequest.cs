using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>Which lease to end.</summary>
public sealed record ReleaseRequest : ICheckedRequest
{
    /// <summary>The secret from the answer to acquire.</summary>
    [Required, StringLength(LeaseIds.MaxLength, MinimumLength = 1), RegularExpression(LeaseIds.Pattern)]
    public string LeaseId { get; set; } = "";

    /// <inheritdoc/>
    public void Check(RequestErrors errors) => errors.RequireLeaseId("leaseId", LeaseId);
}
