using LockService.FaultTests.Clusters;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>All clients of a run.</summary>
internal static class WorkloadSet
{
    /// <summary>New ones, on a cluster that nobody has used.</summary>
    /// <param name="cluster">The service.</param>
    /// <param name="seed">Decides what they do, not when.</param>
    /// <param name="start">When the run's history begins, as a timestamp: that of the timeline of its faults.</param>
    internal static IReadOnlyList<IWorkload> All(FaultCluster cluster, int seed, long start)
    {
        ServiceCaller NewCaller() => new([.. cluster.Instances.Select(instance => instance.Http)]);
        var logs = new ServerLogs(cluster.ZooKeeper);
        return
        [
            new LockFaultWorkload(NewCaller(), logs, start, seed),
            new MultiLockFaultWorkload(NewCaller(), logs, start, seed),
            new CounterFaultWorkload(NewCaller(), start, seed),
            new QueueFaultWorkload(NewCaller(), seed),
        ];
    }
}
