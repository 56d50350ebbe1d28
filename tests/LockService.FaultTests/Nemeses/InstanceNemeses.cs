using LockService.FaultTests.Clusters;

namespace LockService.FaultTests.Nemeses;

/// <summary>The service's processes are killed, stopped and started again.</summary>
internal static class InstanceNemeses
{
    /// <summary>S1, S2: what it was about to answer is not answered; its waiters are gone with its sessions, its grants are not.</summary>
    internal static INemesis Kill { get; } = new Nemesis("kill -9 of an instance", NemesisTarget.Instances, (cluster, random, hurry) =>
        AwayAsync([One(cluster, random)], instance => instance.KillAsync(), Nemesis.Between(random, 0, 5), hurry));

    /// <summary>S7: it answers everybody, closes its sessions and leaves.</summary>
    internal static INemesis ShutDown { get; } = new Nemesis("SIGTERM of an instance", NemesisTarget.Instances, (cluster, random, hurry) =>
        AwayAsync([One(cluster, random)], instance => instance.ShutDownAsync(), Nemesis.Between(random, 0, 3), hurry));

    /// <summary>S3: longer than its sessions live; it wakes up with everything it believed then.</summary>
    internal static INemesis Freeze { get; } = new Nemesis("SIGSTOP of an instance", NemesisTarget.Instances, (cluster, random, hurry) =>
        FreezeAsync(One(cluster, random), Nemesis.Between(random, 5, 8), hurry));

    /// <summary>S4: shorter than its sessions live and about as long as leases do, so that it answers late what it knew before.</summary>
    internal static INemesis FreezeBriefly { get; } = new Nemesis("SIGSTOP of an instance for about a lease", NemesisTarget.Instances, (cluster, random, hurry) =>
        FreezeAsync(One(cluster, random), Nemesis.Between(random, 0.5, 3), hurry));

    /// <summary>S8: one after the other, in good order, each as soon as the one before answers.</summary>
    internal static INemesis RollingRestart { get; } = new Nemesis("rolling restart of all instances", NemesisTarget.Instances, async (cluster, random, hurry) =>
    {
        foreach (Instance instance in Nemesis.Shuffled(random, cluster.Instances))
        {
            if (!hurry.IsCancellationRequested)
            {
                await AwayAsync([instance], i => i.ShutDownAsync(), TimeSpan.Zero, hurry);
            }
        }
    });

    /// <summary>S1 for all at once: nobody times leases until one is back.</summary>
    internal static INemesis KillAll { get; } = new Nemesis("kill -9 of all instances", NemesisTarget.Instances, (cluster, random, hurry) =>
        AwayAsync(cluster.Instances, instance => instance.KillAsync(), Nemesis.Between(random, 0, 3), hurry)) { EndsService = true };

    /// <summary>S9: killed as soon as it answers, again and again.</summary>
    internal static INemesis CrashLoop { get; } = new Nemesis("crash loop of an instance", NemesisTarget.Instances, async (cluster, random, hurry) =>
    {
        Instance instance = One(cluster, random);
        for (int left = random.Next(3, 6); left > 0 && !hurry.IsCancellationRequested; left--)
        {
            await AwayAsync([instance], i => i.KillAsync(), Nemesis.Between(random, 0, 0.3), hurry);
        }
    });

    /// <summary>Ends instances and starts them again after a time.</summary>
    /// <param name="instances">Which.</param>
    /// <param name="end">How; that an instance ended by itself before is an error, since none may.</param>
    /// <param name="time">For how long there is none.</param>
    /// <param name="hurry">Shortens it.</param>
    /// <param name="environment">Of the processes that are started.</param>
    internal static async Task AwayAsync(
        IReadOnlyList<Instance> instances, Func<Instance, Task> end, TimeSpan time, CancellationToken hurry, IReadOnlyList<string>? environment = null)
    {
        try
        {
            await Task.WhenAll(instances.Select(end));
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            await Task.WhenAll(instances.Select(instance => instance.StartAsync(environment)));
        }
    }

    internal static Instance One(FaultCluster cluster, Random random) => Nemesis.OneOf(random, cluster.Instances);

    private static async Task FreezeAsync(Instance instance, TimeSpan time, CancellationToken hurry)
    {
        if (instance.Process is not { } process)
        {
            return;
        }

        await process.FreezeAsync();
        try
        {
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            await process.ThawAsync();
        }
    }
}
