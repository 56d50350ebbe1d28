namespace LockService.Recipes;

/// <summary>On whose behalf, and why, a lock is broken; both go to the log.</summary>
public sealed record BreakOptions
{
    /// <summary>The most characters of a reason.</summary>
    public const int MaxReasonLength = 200;

    /// <summary>Who breaks it, for people to read.</summary>
    public required string Caller { get; init; }

    /// <summary>Why, for people to read. Default: none is given. At most 200 characters.</summary>
    public string? Reason { get; init; }

    /// <summary>Under which key the request may be repeated without breaking those who come later. Default: none.</summary>
    public KeyedRequest? Key { get; init; }

    internal void ThrowIfInvalid() => ArgumentOutOfRangeException.ThrowIfGreaterThan(Reason?.Length ?? 0, MaxReasonLength);
}
