using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>Which deliveries are done with.</summary>
public sealed record AckRequest : ICheckedRequest
{
    /// <summary>The most leases of one request.</summary>
    public const int MaxLeases = 100;

    /// <summary>The leases from the answer to dequeue.</summary>
    [Required, MinLength(1), MaxLength(MaxLeases)]
    public IReadOnlyList<string> LeaseIds { get; set; } = [];

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        if (LeaseIds.Count is 0 or > MaxLeases)
        {
            errors.Add("leaseIds", $"must have 1 to {MaxLeases} items.");
            return;
        }

        for (int i = 0; i < LeaseIds.Count; i++)
        {
            errors.RequireLeaseId($"leaseIds[{i}]", LeaseIds[i]);
        }
    }
}
