using LockService.FaultTests.Clusters;
using LockService.Testing;
using LockService.ZooKeeper;

namespace LockService.FaultTests.Nemeses;

/// <summary>ZooKeeper's servers are killed, stopped and started again.</summary>
internal static class ServerNemeses
{
    /// <summary>Enough to use up an epoch's numbers on a slow machine; without a quorum it cannot be done.</summary>
    private static readonly TimeSpan s_rollOver = TimeSpan.FromSeconds(20);

    /// <summary>How many writes are under way at once for it.</summary>
    private const int Burst = 1000;

    /// <summary>Z2: another one leads within seconds.</summary>
    internal static INemesis KillLeader { get; } = new Nemesis("kill -9 of the leader", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 0, 4);
        await ServerSteps.BreakAsync([await cluster.LeaderAsync(random, hurry)], server => server.StopAsync(), time, hurry);
    });

    /// <summary>Z1: its sessions go to another server.</summary>
    internal static INemesis KillFollower { get; } = new Nemesis("kill -9 of a follower", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 0, 4);
        await ServerSteps.BreakAsync([await cluster.FollowerAsync(random, hurry)], server => server.StopAsync(), time, hurry);
    });

    /// <summary>Z7: longer than sessions and followers wait for it, so that it wakes up as a leader whom nobody follows.</summary>
    internal static INemesis FreezeLeader { get; } = new Nemesis("SIGSTOP of the leader", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 6, 9);
        await ServerSteps.BreakAsync([await cluster.LeaderAsync(random, hurry)], server => server.FreezeAsync(), time, hurry);
    });

    /// <summary>Z8: longer than sessions and the leader wait for it.</summary>
    internal static INemesis FreezeFollower { get; } = new Nemesis("SIGSTOP of a follower", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 5, 8);
        await ServerSteps.BreakAsync([await cluster.FollowerAsync(random, hurry)], server => server.FreezeAsync(), time, hurry);
    });

    /// <summary>Z3: one after the other, each as soon as the one before serves.</summary>
    internal static INemesis RollingRestart { get; } = new Nemesis("rolling restart of all servers", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        foreach (ZooKeeperServer server in Nemesis.Shuffled(random, cluster.ZooKeeper.Servers))
        {
            if (!hurry.IsCancellationRequested)
            {
                await ServerSteps.BreakAsync([server], s => s.StopAsync(), TimeSpan.Zero, hurry);
            }
        }
    });

    /// <summary>Z4: two servers stand still for less than anybody notices, half a lease.</summary>
    internal static INemesis NoQuorumBriefly { get; } = new Nemesis("no quorum for half a lease", NemesisTarget.Servers, (cluster, random, hurry) =>
        ServerSteps.BreakAsync(Two(cluster, random), server => server.FreezeAsync(), Nemesis.Between(random, 0.8, 1.2), hurry)) { EndsService = true };

    /// <summary>Z5: two servers are killed, for longer than leases and sessions last.</summary>
    internal static INemesis NoQuorum { get; } = new Nemesis("no quorum for three leases", NemesisTarget.Servers, (cluster, random, hurry) =>
        ServerSteps.BreakAsync(Two(cluster, random), server => server.StopAsync(), Nemesis.Between(random, 6, 8), hurry)) { EndsService = true };

    /// <summary>Z6: the same for a minute.</summary>
    internal static INemesis NoQuorumForAMinute { get; } = new Nemesis("no quorum for a minute", NemesisTarget.Servers, (cluster, random, hurry) =>
        ServerSteps.BreakAsync(Two(cluster, random), server => server.StopAsync(), TimeSpan.FromMinutes(1), hurry)) { EndsService = true };

    /// <summary>Z30: whoever leads is killed as soon as it does, several times.</summary>
    internal static INemesis KillEveryLeader { get; } = new Nemesis("kill -9 of each new leader", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        for (int left = random.Next(3, 5); left > 0 && !hurry.IsCancellationRequested; left--)
        {
            await ServerSteps.BreakAsync([await cluster.LeaderAsync(random, hurry)], server => server.StopAsync(), TimeSpan.Zero, hurry);
        }
    });

    /// <summary>Z13: so many transactions that the epoch has no number left for the next one, which ends its leader's time.</summary>
    internal static INemesis RollOver { get; } = new Nemesis("zxid roll-over", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        await using ZooKeeperClient client = cluster.Client();
        long start = TimeProvider.System.GetTimestamp();
        long last = 0;
        while (!hurry.IsCancellationRequested && TimeProvider.System.GetElapsedTime(start) < s_rollOver)
        {
            try
            {
                Stat[] stats = await Task.WhenAll(Enumerable.Range(0, Burst).Select(_ => client.SetDataAsync("/", default, -1)));
                if (last >> 32 < stats[^1].ModifiedZxid >> 32 && unchecked((uint)last) > uint.MaxValue - (2 * Burst))
                {
                    return;
                }

                last = stats[^1].ModifiedZxid;
            }
            catch (ZooKeeperException)
            {
                // While nobody leads; what was written last is known.
                await Nemesis.HoldAsync(TimeSpan.FromMilliseconds(50), hurry);
            }
        }
    });

    /// <summary>
    /// Z25: one server lets in a single connection from any address, and all of these have the same one. Another server is killed then, so that its
    /// sessions look for a third.
    /// </summary>
    internal static INemesis OneConnection { get; } = new Nemesis("maxClientCnxns=1 on a server", NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        ZooKeeperServer[] servers = Nemesis.Shuffled(random, cluster.ZooKeeper.Servers);
        ZooKeeperServer server = servers[0];
        TimeSpan time = Nemesis.Between(random, 2, 5);
        try
        {
            await server.ConfigureAsync("maxClientCnxns", "1");
            await server.RelaunchAsync();
            // It follows by then. To ask whether it does would take a connection.
            await Nemesis.HoldAsync(TimeSpan.FromSeconds(2), hurry);
            await servers[1].StopAsync();
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            await servers[1].BringBackAsync();
            await server.ConfigureAsync("maxClientCnxns", "0");
            await server.RelaunchAsync();
            await server.BringBackAsync();
        }
    });

    private static ZooKeeperServer[] Two(FaultCluster cluster, Random random) => Nemesis.Shuffled(random, cluster.ZooKeeper.Servers)[..2];
}
