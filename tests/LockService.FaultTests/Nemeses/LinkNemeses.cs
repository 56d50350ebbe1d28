using LockService.FaultTests.Clusters;
using LockService.Testing;

namespace LockService.FaultTests.Nemeses;

/// <summary>Networks between clients, instances and ZooKeeper are cut, swallow everything, or are slow.</summary>
internal static class LinkNemeses
{
    /// <summary>N1, N2: the connection is reset, and so are new ones; the instance goes to another server.</summary>
    internal static INemesis CutOneServer { get; } = OnStore("instance cut from one server", Cut, 0, 4, all: false);

    /// <summary>N8: no server can be reached, and the instance is told so; clients reach it.</summary>
    internal static INemesis CutAllServers { get; } = OnStore("instance cut from all servers", Cut, 0.5, 8);

    /// <summary>N8, N3: the same, but all it notices is silence, for longer than its sessions live.</summary>
    internal static INemesis Isolate { get; } = OnStore("instance isolated from all servers", link => link.Stall(), 5, 8);

    /// <summary>N3: what is sent to one server, and what it sends, does not arrive.</summary>
    internal static INemesis BlackHoleOneServer { get; } = OnStore("black hole between instance and one server", link => link.Stall(), 1, 6, all: false);

    /// <summary>N4: the instance is not heard, but hears.</summary>
    internal static INemesis BlackHoleToServers { get; } =
        OnStore("black hole from instance to servers", link => link.Stall(ProxyDirections.ToServer), 1, 6);

    /// <summary>N4: the instance is heard, but hears nothing; what it asked for is done.</summary>
    internal static INemesis BlackHoleFromServers { get; } =
        OnStore("black hole from servers to instance", link => link.Stall(ProxyDirections.ToClient), 1, 6);

    /// <summary>N9: 500 ms and 300 more or less, each way.</summary>
    internal static INemesis DelayServers { get; } = new Nemesis("delay between instance and servers", NemesisTarget.Links, (cluster, random, hurry) =>
    {
        TimeSpan delay = Nemesis.Between(random, 0.2, 0.8);
        return BreakAsync(InstanceNemeses.One(cluster, random).ToZooKeeper, link => link.Delay(delay), Nemesis.Between(random, 2, 6), hurry);
    });

    /// <summary>N5: frames arrive byte by byte.</summary>
    internal static INemesis SliceServers { get; } = OnStore("one byte at a time between instance and servers", link => link.SliceBytes(), 1, 5);

    /// <summary>N1: what was asked for is done, and the answer is lost with the connection.</summary>
    internal static INemesis DropRepliesOfServers { get; } = DropReplies("replies of servers dropped", (cluster, random) =>
        InstanceNemeses.One(cluster, random).ToZooKeeper);

    /// <summary>N10: all networks but the clients' stop one after the other, and come back in another order.</summary>
    internal static INemesis SwizzleClog { get; } = new Nemesis("swizzle-clog", NemesisTarget.Links, async (cluster, random, hurry) =>
    {
        Link[] links = Nemesis.Shuffled(random, cluster.Links.Except(cluster.Instances.Select(instance => instance.Front)));
        Link[] back = Nemesis.Shuffled(random, links);
        try
        {
            foreach (Link link in links)
            {
                link.Stall();
                await Nemesis.HoldAsync(Nemesis.Between(random, 0, 0.2), hurry);
            }

            foreach (Link link in back)
            {
                link.Heal();
                await Nemesis.HoldAsync(Nemesis.Between(random, 0, 0.2), hurry);
            }
        }
        finally
        {
            Array.ForEach(links, link => link.Heal());
        }
    }) { EndsService = true };

    /// <summary>N2, N11: clients lose their connections to an instance, and get no new ones.</summary>
    internal static INemesis CutClients { get; } = OnFront("clients cut from an instance", Cut, 0, 4);

    /// <summary>N3: clients and an instance hear nothing of each other.</summary>
    internal static INemesis BlackHoleClients { get; } = OnFront("black hole between clients and an instance", link => link.Stall(), 1, 6);

    /// <summary>N4: the instance does what clients ask, and they hear of it late.</summary>
    internal static INemesis BlackHoleToClients { get; } =
        OnFront("black hole from an instance to clients", link => link.Stall(ProxyDirections.ToClient), 0.5, 4);

    /// <summary>C1: the instance does what clients ask, and they never hear of it.</summary>
    internal static INemesis DropRepliesToClients { get; } = DropReplies("replies to clients dropped", (cluster, random) =>
        [InstanceNemeses.One(cluster, random).Front]);

    /// <summary>N5: HTTP byte by byte.</summary>
    internal static INemesis SliceClients { get; } = OnFront("one byte at a time between clients and an instance", link => link.SliceBytes(), 1, 5);

    /// <summary>N9: 500 ms and 300 more or less, each way.</summary>
    internal static INemesis DelayClients { get; } = new Nemesis("delay between clients and an instance", NemesisTarget.Links, (cluster, random, hurry) =>
    {
        TimeSpan delay = Nemesis.Between(random, 0.2, 0.8);
        return BreakAsync([InstanceNemeses.One(cluster, random).Front], link => link.Delay(delay), Nemesis.Between(random, 2, 6), hurry);
    });

    /// <summary>Breaks links, leaves them so for a time, and heals them.</summary>
    /// <param name="links">Which.</param>
    /// <param name="fault">How.</param>
    /// <param name="time">For how long.</param>
    /// <param name="hurry">Shortens it.</param>
    /// <param name="cut">Whether the connections end then, with all that was held back.</param>
    internal static async Task BreakAsync(IReadOnlyList<Link> links, Action<Link> fault, TimeSpan time, CancellationToken hurry, bool cut = false)
    {
        try
        {
            Array.ForEach([.. links], fault);
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            foreach (Link link in links)
            {
                if (cut)
                {
                    link.Cut();
                }

                link.Heal();
            }
        }
    }

    /// <summary>What works on an instance's links to ZooKeeper: one of them, or all.</summary>
    private static Nemesis OnStore(string kind, Action<Link> fault, double fromSeconds, double toSeconds, bool all = true) =>
        new(kind, NemesisTarget.Links, (cluster, random, hurry) =>
        {
            IReadOnlyList<Link> links = InstanceNemeses.One(cluster, random).ToZooKeeper;
            return BreakAsync(all ? links : [Nemesis.OneOf(random, links)], fault, Nemesis.Between(random, fromSeconds, toSeconds), hurry);
        });

    private static Nemesis OnFront(string kind, Action<Link> fault, double fromSeconds, double toSeconds) =>
        new(kind, NemesisTarget.Links, (cluster, random, hurry) =>
            BreakAsync([InstanceNemeses.One(cluster, random).Front], fault, Nemesis.Between(random, fromSeconds, toSeconds), hurry));

    private static Nemesis DropReplies(string kind, Func<FaultCluster, Random, IReadOnlyList<Link>> choose) =>
        new(kind, NemesisTarget.Links, async (cluster, random, hurry) =>
        {
            IReadOnlyList<Link> links = choose(cluster, random);
            for (int left = random.Next(1, 5); left > 0 && !hurry.IsCancellationRequested; left--)
            {
                await BreakAsync(links, link => link.Stall(ProxyDirections.ToClient), Nemesis.Between(random, 0.05, 0.5), hurry, cut: true);
                await Nemesis.HoldAsync(Nemesis.Between(random, 0, 1), hurry);
            }
        });

    private static void Cut(Link link)
    {
        link.Refuse();
        link.Cut();
    }
}
