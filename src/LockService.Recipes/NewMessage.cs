namespace LockService.Recipes;

/// <summary>A message to be put into a queue.</summary>
/// <param name="Body">UTF-8 JSON, at most 256 KiB.</param>
public sealed record NewMessage(ReadOnlyMemory<byte> Body)
{
    /// <summary>0 to 9; 9 leaves first. Default 0.</summary>
    public int Priority { get; init; }

    /// <summary>How long it is hidden from everybody first. Default: not at all; at most 7 days.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>After what time it is removed if nobody has leased it; null for never. 1 ms to 14 days.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>
    /// A message with the same key within the queue's window is not put into it; the id of the earlier one is answered. Null for none. At most
    /// 128 characters.
    /// </summary>
    public string? DeduplicationKey { get; init; }
}
