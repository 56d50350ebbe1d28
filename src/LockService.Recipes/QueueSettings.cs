namespace LockService.Recipes;

/// <summary>A queue's settings.</summary>
public sealed record QueueSettings
{
    /// <summary>The most messages, those that are leased or delayed included, dead letters not. Default 100,000, range 1 to 1,000,000.</summary>
    public int MaxLength { get; init; } = 100_000;

    /// <summary>
    /// How often a message is delivered before it becomes a dead letter. Default 0: as often as it takes. Range 0 to 1,000. Low: a crashed
    /// consumer costs messages. High: a message that nobody can process keeps consumers busy for long.
    /// </summary>
    public int MaxDeliveries { get; init; }

    /// <summary>
    /// How long a deduplication key is remembered. Default 5 min, range 1 s to 1 h. Short: a late repetition is enqueued again. Long: every
    /// key costs some 200 bytes of ZooKeeper's memory for that time.
    /// </summary>
    public TimeSpan DeduplicationWindow { get; init; } = TimeSpan.FromMinutes(5);

    internal void ThrowIfInvalid()
    {
        if (MaxLength is < 1 or > 1_000_000 || MaxDeliveries is < 0 or > 1_000
            || DeduplicationWindow < TimeSpan.FromSeconds(1) || DeduplicationWindow > TimeSpan.FromHours(1))
        {
            throw new ArgumentOutOfRangeException(nameof(MaxLength), this, "A setting is out of its range.");
        }
    }
}
