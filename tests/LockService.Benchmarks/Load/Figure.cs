namespace LockService.Benchmarks.Load;

/// <summary>What one contender did in one round, or the median of several.</summary>
internal readonly record struct Figure
{
    /// <summary>Cycles per second.</summary>
    internal double PerSecond { get; init; }

    /// <summary>What did not go as expected, and is not counted in <see cref="PerSecond"/>.</summary>
    internal long Errors { get; init; }

    /// <summary>The first of the errors, if its text is known.</summary>
    internal string? FirstError { get; init; }

    /// <summary>User and system time of the server per request; 0 if it is not measured.</summary>
    internal double ServerMicroseconds { get; init; }

    /// <summary>User and system time of the load generator per request; 0 if the contender is its own.</summary>
    internal double LoadMicroseconds { get; init; }

    /// <summary>The median of each figure, and the sum of the errors.</summary>
    internal static Figure Median(IReadOnlyCollection<Figure> rounds) => new()
    {
        PerSecond = Middle(rounds.Select(round => round.PerSecond)),
        Errors = rounds.Sum(round => round.Errors),
        FirstError = rounds.Select(round => round.FirstError).FirstOrDefault(error => error is not null),
        ServerMicroseconds = Middle(rounds.Select(round => round.ServerMicroseconds)),
        LoadMicroseconds = Middle(rounds.Select(round => round.LoadMicroseconds)),
    };

    private static double Middle(IEnumerable<double> values)
    {
        double[] ordered = [.. values.Order()];
        return (ordered[ordered.Length / 2] + ordered[(ordered.Length - 1) / 2]) / 2;
    }
}
