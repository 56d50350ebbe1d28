using LockService.Recipes.Queueing;

namespace LockService.Recipes;

/// <summary>A message to be put into a queue.</summary>
/// <param name="Body">UTF-8 JSON, at most 256 KiB.</param>
public sealed record NewMessage(ReadOnlyMemory<byte> Body)
{
    private const int MaxMessages = 100;
    private const int MaxBodyBytes = 256 * 1024;
    private const int MaxBytes = 900 * 1024;
    private const int MaxKeyLength = 128;

    private static readonly TimeSpan s_longestLife = TimeSpan.FromDays(14);

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

    internal static TimeSpan LongestDelay { get; } = TimeSpan.FromDays(7);

    internal static void ThrowIfInvalid(IReadOnlyList<NewMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (messages.Count is 0 or > MaxMessages || messages.Any(message => message.Body.Length > MaxBodyBytes) || messages.Sum(message => message.Body.Length) > MaxBytes)
        {
            throw new ArgumentException(
                $"1 to {MaxMessages} messages of at most {MaxBodyBytes} bytes each and {MaxBytes} together are allowed.", nameof(messages));
        }

        if (messages.Any(message => message.Priority is < 0 or >= MessageName.Priorities
            || message.Delay < TimeSpan.Zero || message.Delay > LongestDelay
            || message.TimeToLive < TimeSpan.FromMilliseconds(1) || message.TimeToLive > s_longestLife
            || message.DeduplicationKey is { Length: 0 or > MaxKeyLength }))
        {
            throw new ArgumentException("A priority, a delay, a time to live or a key is out of its range.", nameof(messages));
        }
    }
}
