using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

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
    public void Check(RequestErrors errors) => Check(errors, LeaseIds);

    internal static void Check(RequestErrors errors, IReadOnlyList<string> leaseIds)
    {
        if (leaseIds.Count is 0 or > MaxLeases)
        {
            errors.Add("leaseIds", $"must have 1 to {MaxLeases} items.");
            return;
        }

        for (int i = 0; i < leaseIds.Count; i++)
        {
            errors.RequireLeaseId($"leaseIds[{i}]", leaseIds[i]);
        }
    }
}

/// <summary>Which deliveries could not be processed.</summary>
public sealed record NackRequest : ICheckedRequest
{
    /// <summary>The leases from the answer to dequeue.</summary>
    [Required, MinLength(1), MaxLength(AckRequest.MaxLeases)]
    public IReadOnlyList<string> LeaseIds { get; set; } = [];

    /// <summary>How long the messages stay hidden from everybody; 0 if they are ready again at once.</summary>
    [Range(0, NewMessage.MaxDelayMs), DefaultValue(0L)]
    public long DelayMs { get; set; }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        AckRequest.Check(errors, LeaseIds);
        errors.RequireRange("delayMs", DelayMs, 0, NewMessage.MaxDelayMs);
    }
}

/// <summary>Which leases are to last longer.</summary>
public sealed record ExtendRequest : ICheckedRequest
{
    /// <summary>The leases from the answer to dequeue.</summary>
    [Required, MinLength(1), MaxLength(AckRequest.MaxLeases)]
    public IReadOnlyList<string> LeaseIds { get; set; } = [];

    /// <summary>How long the leases last from now on; as long as they were granted for if left out.</summary>
    [Range(LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs)]
    [JsonConverter(typeof(PresentInt64Converter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? LeaseMs { get; set; }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        AckRequest.Check(errors, LeaseIds);
        errors.RequireRange("leaseMs", LeaseMs ?? LeaseLimits.MinTtlMs, LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs);
    }
}
