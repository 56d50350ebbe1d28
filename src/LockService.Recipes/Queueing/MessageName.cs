using System.Globalization;

namespace LockService.Recipes.Queueing;

/// <summary>
/// What identifies a message within the life of a queue: its priority, its number among those of that priority, and when it ends. It is the
/// name of all nodes of the message, so that a listing alone tells the order, and which messages have had their time. A number is used once.
/// </summary>
/// <param name="Priority">0 to 9.</param>
/// <param name="Number">Rises in the order in which messages were enqueued.</param>
/// <param name="ExpiresAt">When the message ends, in milliseconds of the <see cref="SharedClock"/>; 0 for never.</param>
internal readonly record struct MessageName(int Priority, long Number, long ExpiresAt)
{
    /// <summary>9 leaves first.</summary>
    internal const int Priorities = 10;

    internal SegmentName Segment => new(Priority, Number / SegmentName.Size);

    /// <summary>Null if it is not the name of a message.</summary>
    internal static MessageName? Parse(ReadOnlySpan<char> text)
    {
        Span<Range> parts = stackalloc Range[4];
        int count = text.Split(parts, '-');
        if (count is not (2 or 3) || ParseNumber(text[parts[0]]) is not (>= 0 and < Priorities) || ParseNumber(text[parts[1]]) is not { } number)
        {
            return null;
        }

        long? expiresAt = count == 2 ? 0 : ParseNumber(text[parts[2]]);
        var name = new MessageName((int)ParseNumber(text[parts[0]])!, number, expiresAt ?? -1);
        // Only what is written like this is one: no other spelling may lead to the same message.
        return expiresAt is not null && text.SequenceEqual(name.ToString()) ? name : null;
    }

    public override string ToString() => ExpiresAt == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{Priority}-{Number}")
        : string.Create(CultureInfo.InvariantCulture, $"{Priority}-{Number}-{ExpiresAt}");

    private static long? ParseNumber(ReadOnlySpan<char> text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}

/// <summary>A stretch of numbers of one priority whose nodes share a directory, so that no listing is longer than that.</summary>
internal readonly record struct SegmentName(int Priority, long Index)
{
    /// <summary>Numbers in a segment.</summary>
    internal const int Size = 1_024;

    /// <summary>The first number behind it.</summary>
    internal long End => (Index + 1) * Size;

    /// <summary>Null if it is not the name of a segment.</summary>
    internal static SegmentName? Parse(string text) =>
        MessageName.Parse(text) is { ExpiresAt: 0 } parsed ? new SegmentName(parsed.Priority, parsed.Number) : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Priority}-{Index}");
}
