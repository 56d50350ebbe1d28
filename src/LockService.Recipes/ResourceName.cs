namespace LockService.Recipes;

/// <summary>The rules for the names of locks, counters and queues. A valid name is safe as one segment of a node path and of a URL.</summary>
public static class ResourceName
{
    /// <summary>The longest name, in characters.</summary>
    public const int MaxLength = 200;

    /// <summary>Whether the name has 1 to 200 characters of <c>A-Z a-z 0-9 . _ : @ ~ -</c> and does not start with a dot.</summary>
    public static bool IsValid(string name) =>
        name is { Length: > 0 and <= MaxLength } && name[0] != '.' && name.AsSpan().IndexOfAnyExcept(s_allowed) < 0;

    private static readonly System.Buffers.SearchValues<char> s_allowed =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:@~-");

    internal static void ThrowIfInvalid(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!IsValid(name))
        {
            throw new ArgumentException("Not a resource name.", nameof(name));
        }
    }
}
