using System.Buffers;

namespace LockService.Contracts;

/// <summary>The rules for the names of locks, counters and queues.</summary>
public static class ResourceNames
{
    /// <summary>The longest name, in characters.</summary>
    public const int MaxLength = 200;

    /// <summary>The rule as a regular expression, for the document.</summary>
    public const string Pattern = "^[A-Za-z0-9_:@~-][A-Za-z0-9._:@~-]{0,199}$";

    /// <summary>The rule for people, as the rest of a sentence.</summary>
    public const string Rule = "must have 1 to 200 characters of A-Z a-z 0-9 . _ : @ ~ - and must not begin with a dot.";

    private static readonly SearchValues<char> s_allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@~-");

    /// <summary>Whether the name keeps the rule.</summary>
    public static bool IsValid(string? name) =>
        name is { Length: > 0 and <= MaxLength } && name[0] != '.' && name.AsSpan().IndexOfAnyExcept(s_allowed) < 0;
}
