using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The name of a message's node and of its delivery's, <c>m-&lt;id&gt;-&lt;sequence&gt;</c>. The id is random: a queue that was removed and
/// made again counts from 0 again, and a path must never be used twice.
/// </summary>
internal readonly record struct MessageName(string Id, int Sequence) : IComparable<MessageName>
{
    private const int IdLength = 16;
    private const int SequenceLength = 10;

    private static readonly SearchValues<char> s_hex = SearchValues.Create("0123456789abcdef");

    /// <summary>The part of a new message's name that precedes the number.</summary>
    internal static string NewPrefix() => $"m-{RandomNumberGenerator.GetHexString(IdLength, lowercase: true)}-";

    /// <summary>The id in such a part.</summary>
    internal static string IdOfPrefix(string prefix) => prefix[2..^1];

    /// <summary>Null if it is not the name of a message.</summary>
    internal static MessageName? Parse(ReadOnlySpan<char> name)
    {
        // A longer number is a negative one: the server's counter has wrapped.
        return name.Length == 2 + IdLength + 1 + SequenceLength && name.StartsWith("m-") && name[2 + IdLength] == '-'
            && name[2..(2 + IdLength)].IndexOfAnyExcept(s_hex) < 0
            && int.TryParse(name[^SequenceLength..], NumberStyles.None, CultureInfo.InvariantCulture, out int sequence)
            ? new MessageName(name[2..(2 + IdLength)].ToString(), sequence)
            : null;
    }

    /// <summary>The messages among the names, oldest first.</summary>
    internal static MessageName[] Sorted(IEnumerable<string> names)
    {
        MessageName[] sorted = [.. names.Select(name => Parse(name)).OfType<MessageName>()];
        Array.Sort(sorted);
        return sorted;
    }

    public int CompareTo(MessageName other) => Sequence.CompareTo(other.Sequence);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"m-{Id}-{Sequence:d10}");
}
