using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>The settings of a queue. What is left out gets its default.</summary>
public sealed record SetQueueRequest : ICheckedRequest
{
    private const long MaxMaxLength = 1_000_000;
    private const long MaxMaxDeliveries = 1_000;
    private const long MinWindowMs = 1_000;
    private const long MaxWindowMs = 3_600_000;

    /// <summary>The most messages, those on lease and those delayed included, dead letters not.</summary>
    [Range(1, MaxMaxLength), DefaultValue(100_000L)]
    public long MaxLength { get; set; } = 100_000;

    /// <summary>How often a message is delivered before it becomes a dead letter; 0 for as often as it takes.</summary>
    [Range(0, MaxMaxDeliveries), DefaultValue(0L)]
    public long MaxDeliveries { get; set; }

    /// <summary>How long a deduplication key is remembered.</summary>
    [Range(MinWindowMs, MaxWindowMs), DefaultValue(300_000L)]
    public long DeduplicationWindowMs { get; set; } = 300_000;

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        errors.RequireRange("maxLength", MaxLength, 1, MaxMaxLength);
        errors.RequireRange("maxDeliveries", MaxDeliveries, 0, MaxMaxDeliveries);
        errors.RequireRange("deduplicationWindowMs", DeduplicationWindowMs, MinWindowMs, MaxWindowMs);
    }
}

/// <summary>How many dead letters to put back. Every member may be left out.</summary>
public sealed record RedriveRequest : ICheckedRequest
{
    private const long MaxMax = 1_000_000;

    /// <summary>The most dead letters to put back, the oldest first; all if left out.</summary>
    [Range(1, MaxMax), DefaultValue(MaxMax)]
    public long Max { get; set; } = MaxMax;

    /// <inheritdoc/>
    public void Check(RequestErrors errors) => errors.RequireRange("max", Max, 1, MaxMax);
}
