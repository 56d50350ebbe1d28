using LockService.FaultTests.Clusters;
using LockService.Testing;

namespace LockService.FaultTests.Nemeses;

/// <summary>Wall clocks are an hour off. No clock jumps while its process runs: the process is restarted, with that clock and without it.</summary>
internal static class ClockNemeses
{
    private static readonly TimeSpan s_offset = TimeSpan.FromHours(1);

    /// <summary>Z18 for one server, which probably follows.</summary>
    internal static INemesis ServerAhead { get; } = OfServer("a server's clock an hour ahead", s_offset);

    /// <summary>Z18 for one server, which probably follows.</summary>
    internal static INemesis ServerBehind { get; } = OfServer("a server's clock an hour behind", -s_offset);

    /// <summary>Z18: two servers are restarted with this clock and then the one that led, so that one of the two leads.</summary>
    internal static INemesis LeaderAhead { get; } = OfLeader("the leader's clock an hour ahead", s_offset);

    /// <summary>Z18: the same the other way, so that the time of transactions goes back twice.</summary>
    internal static INemesis LeaderBehind { get; } = OfLeader("the leader's clock an hour behind", -s_offset);

    /// <summary>S10: an instance is restarted with this clock, and some time later without.</summary>
    internal static INemesis InstanceAhead { get; } = OfInstance("an instance's clock an hour ahead", s_offset);

    /// <summary>S10: the same the other way.</summary>
    internal static INemesis InstanceBehind { get; } = OfInstance("an instance's clock an hour behind", -s_offset);

    private static Nemesis OfServer(string kind, TimeSpan offset) => new(kind, NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 1, 4);
        await SetAsync([Nemesis.OneOf(random, cluster.ZooKeeper.Servers)], offset, () => Nemesis.HoldAsync(time, hurry));
    });

    private static Nemesis OfLeader(string kind, TimeSpan offset) => new(kind, NemesisTarget.Servers, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 3, 8);
        IReadOnlyList<ZooKeeperServer> followers = await cluster.FollowersAsync(random, hurry);
        await SetAsync(followers, offset, async () =>
        {
            ZooKeeperServer leader = cluster.ZooKeeper.Servers.Except(followers).Single();
            await ServerSteps.BreakAsync([leader], server => server.StopAsync(), TimeSpan.FromSeconds(1), hurry);
            await Nemesis.HoldAsync(time, hurry);
        });
    });

    private static Nemesis OfInstance(string kind, TimeSpan offset) => new(kind, NemesisTarget.Instances, async (cluster, random, hurry) =>
    {
        Instance instance = InstanceNemeses.One(cluster, random);
        TimeSpan time = Nemesis.Between(random, 1, 5);
        int processId = 0;
        try
        {
            await InstanceNemeses.AwayAsync([instance], i => i.KillAsync(), TimeSpan.Zero, hurry, WallClock.OffBy(offset));
            processId = instance.Process?.ProcessId ?? 0;
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            await InstanceNemeses.AwayAsync([instance], i => i.KillAsync(), TimeSpan.Zero, hurry);
            WallClock.CleanUp(processId);
        }
    });

    private static async Task SetAsync(IReadOnlyList<ZooKeeperServer> servers, TimeSpan offset, Func<Task> meanwhile)
    {
        try
        {
            await RestartAsync(servers, WallClock.OffBy(offset));
            await meanwhile();
        }
        finally
        {
            await RestartAsync(servers, []);
        }
    }

    /// <summary>One after the other, so that there is a quorum.</summary>
    private static async Task RestartAsync(IReadOnlyList<ZooKeeperServer> servers, IReadOnlyList<string> environment)
    {
        foreach (ZooKeeperServer server in servers)
        {
            await server.StopAsync();
            WallClock.CleanUp(server.ProcessId);
            server.Environment = environment;
            await server.BringBackAsync();
        }
    }
}
