using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>How many messages to lease. Every member may be left out.</summary>
public sealed record DequeueRequest : ICheckedRequest
{
    /// <summary>The most messages of one answer.</summary>
    public const long MaxMessages = 100;

    /// <summary>The most messages to get; fewer come if fewer are there.</summary>
    [Range(1, MaxMessages), DefaultValue(1L)]
    public long Max { get; set; } = 1;

    /// <summary>How long to wait for a first message; 0 to be answered at once.</summary>
    [Range(0, LeaseLimits.MaxWaitMs), DefaultValue(0L)]
    public long WaitMs { get; set; }

    /// <summary>How long the messages are hidden from others; those not acknowledged by then come back.</summary>
    [Range(LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs), DefaultValue(LeaseLimits.DefaultTtlMs)]
    public long LeaseMs { get; set; } = LeaseLimits.DefaultTtlMs;

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        errors.RequireRange("max", Max, 1, MaxMessages);
        errors.RequireRange("waitMs", WaitMs, 0, LeaseLimits.MaxWaitMs);
        errors.RequireRange("leaseMs", LeaseMs, LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs);
    }
}
