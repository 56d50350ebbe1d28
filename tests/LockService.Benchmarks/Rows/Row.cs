using LockService.Benchmarks.Contenders;

namespace LockService.Benchmarks.Rows;

/// <summary>One thing that is compared.</summary>
/// <param name="Key">As the command line calls it.</param>
/// <param name="Title">As the table calls it.</param>
/// <param name="PrepareAsync">Makes the contenders, the service first.</param>
internal sealed record Row(string Key, string Title, Func<Site, Task<IReadOnlyList<Entrant>>> PrepareAsync)
{
    /// <summary>Whether it is measured without being asked for by its key.</summary>
    internal bool IsDefault { get; init; } = true;
}

/// <summary>A contender in a row.</summary>
/// <param name="Contender">Who.</param>
/// <param name="Target">How many times as much the service shall do; null if that is only of interest.</param>
internal sealed record Entrant(IContender Contender, double? Target = null)
{
    /// <summary>How many times the CPU time of this server the service may use per request; null if that is not compared.</summary>
    internal double? CpuLimit { get; init; }
}
