using System.ComponentModel;

namespace LockService.Contracts;

/// <summary>What to add to a counter. Every member may be left out.</summary>
public sealed record IncrementRequest : ICheckedRequest
{
    /// <summary>What to add; may be negative or zero. `by: n` reserves the block `previous + 1` to `value`.</summary>
    [DefaultValue(1L)]
    public long By { get; set; } = 1;

    /// <summary>The smallest value that the counter may get; that of 64 bits if left out.</summary>
    [DefaultValue(long.MinValue)]
    public long Min { get; set; } = long.MinValue;

    /// <summary>The largest value that the counter may get; that of 64 bits if left out.</summary>
    [DefaultValue(long.MaxValue)]
    public long Max { get; set; } = long.MaxValue;

    /// <summary>The value before the first increment of a counter that does not exist.</summary>
    [DefaultValue(0L)]
    public long Initial { get; set; }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        if (Min > Max)
        {
            errors.Add("min", "must not be greater than max.");
        }
    }
}
