using LockService.FaultTests.Clusters;

namespace LockService.FaultTests.Nemeses;

/// <summary>A kind of fault by its parts, for kinds that are no more than what they do.</summary>
/// <param name="Kind">What it does, for the report.</param>
/// <param name="Target">What it breaks.</param>
/// <param name="Strike">Breaks it, and makes it whole again.</param>
internal sealed record Nemesis(string Kind, NemesisTarget Target, Func<FaultCluster, Random, CancellationToken, Task> Strike) : INemesis
{
    /// <inheritdoc/>
    public bool EndsService { get; init; }

    /// <inheritdoc/>
    public Task StrikeAsync(FaultCluster cluster, Random random, CancellationToken hurry) => Strike(cluster, random, hurry);

    /// <inheritdoc/>
    public override string ToString() => Kind;

    /// <summary>Leaves things as they are for a time, or until there is no time left.</summary>
    internal static async Task HoldAsync(TimeSpan time, CancellationToken hurry) =>
        await Task.Delay(time, TimeProvider.System, hurry).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>A time between two others.</summary>
    internal static TimeSpan Between(Random random, double fromSeconds, double toSeconds) =>
        TimeSpan.FromSeconds(fromSeconds + (random.NextDouble() * (toSeconds - fromSeconds)));

    /// <summary>One of them.</summary>
    internal static T OneOf<T>(Random random, IReadOnlyList<T> items) => items[random.Next(items.Count)];

    /// <summary>All of them, in an order of chance.</summary>
    internal static T[] Shuffled<T>(Random random, IEnumerable<T> items)
    {
        T[] all = [.. items];
        random.Shuffle(all);
        return all;
    }
}
