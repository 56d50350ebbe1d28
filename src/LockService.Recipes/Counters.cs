namespace LockService.Recipes;

/// <summary>Placeholder of the counter recipe's public surface.</summary>
public sealed class Counters
{
    /// <summary>Adds to a counter, creating it if it does not exist. Happens exactly once or, if an exception other than <see cref="EffectUnknownException"/> is thrown, not at all.</summary>
    public Task<IncrementResult> IncrementAsync(string name, IncrementOptions options, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Reads a counter. Linearizable.</summary>
    /// <returns>Null if it does not exist.</returns>
    public Task<CounterState?> GetAsync(string name, CancellationToken cancellation) => throw new NotImplementedException();
}

/// <summary>What an increment asks for.</summary>
public sealed record IncrementOptions
{
    /// <summary>What to add; may be negative or zero. Default 1.</summary>
    public long By { get; init; } = 1;

    /// <summary>The smallest value the counter may get. Default: that of 64 bits.</summary>
    public long Min { get; init; } = long.MinValue;

    /// <summary>The largest value the counter may get. Default: that of 64 bits.</summary>
    public long Max { get; init; } = long.MaxValue;

    /// <summary>The value before the first increment of a counter that does not exist. Default 0.</summary>
    public long Initial { get; init; }
}

/// <summary>The answer to an increment.</summary>
/// <param name="Value">The value after it, or the present value if it was refused.</param>
/// <param name="Previous">The value before it; the same as <paramref name="Value"/> if it was refused.</param>
/// <param name="InRange">False if the result would have been outside the bounds or 64 bits; nothing was changed then.</param>
public readonly record struct IncrementResult(long Value, long Previous, bool InRange);

/// <summary>A counter.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value.</param>
/// <param name="Version">The transaction that last changed it; rises with every change, also across deletion and re-creation.</param>
/// <param name="ModifiedAt">When it was last changed, by a server's wall clock; for people to read.</param>
public sealed record CounterState(string Name, long Value, long Version, DateTimeOffset ModifiedAt);
