using LockService.FaultTests.Clusters;
using LockService.FaultTests.Nemeses;
using LockService.FaultTests.Workloads;

namespace LockService.FaultTests;

/// <summary>What a run is to do.</summary>
internal sealed record FaultRunOptions
{
    /// <summary>The service's assembly. Default: the one built with the tests.</summary>
    internal string Assembly { get; init; } = Path.Combine(AppContext.BaseDirectory, "LockService.Api.dll");

    /// <summary>How long clients work at first, so that everything was in use once. Default: 5 s.</summary>
    internal TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long they work then before anything breaks, to see what the service does when all is well. Default: not at all.</summary>
    internal TimeSpan Calm { get; init; }

    /// <summary>How long faults strike. Warming up, the calm and about a minute come on top.</summary>
    internal required TimeSpan Duration { get; init; }

    /// <summary>Which faults and operations there are; when exactly they meet depends on the machine.</summary>
    internal required int Seed { get; init; }

    /// <summary>The faults, each with how often it is chosen among those of its target.</summary>
    internal required IReadOnlyList<(INemesis Nemesis, int Weight)> Nemeses { get; init; }

    /// <summary>The clients, given the seed and when the history begins, as a timestamp. Default: all there are.</summary>
    internal Func<FaultCluster, int, long, IReadOnlyList<IWorkload>> Workloads { get; init; } = WorkloadSet.All;
}
