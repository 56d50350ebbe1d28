using LockService.FaultTests.Clusters;
using LockService.Testing;

namespace LockService.FaultTests.Nemeses;

/// <summary>Networks between ZooKeeper's servers swallow everything, or are slow.</summary>
internal static class EnsembleLinkNemeses
{
    /// <summary>Z7 by the network: the leader stays in its old belief with its clients; the others elect another one.</summary>
    internal static INemesis PartitionLeader { get; } = OfLeader("partition of the leader from its followers", ProxyDirections.Both);

    /// <summary>Z7, N4: followers do not hear the leader; it hears them.</summary>
    internal static INemesis SilenceLeader { get; } = OfLeader("black hole from the leader to its followers", ProxyDirections.ToServer);

    /// <summary>Z7, N4: the leader does not hear its followers; they hear it.</summary>
    internal static INemesis DeafenLeader { get; } = OfLeader("black hole from followers to the leader", ProxyDirections.ToClient);

    /// <summary>Z8 by the network: the follower has no quorum, and refuses its clients as soon as it knows.</summary>
    internal static INemesis PartitionFollower { get; } = OfFollower("partition of a follower from the others", ProxyDirections.Both);

    /// <summary>Z8, N4: the follower hears the others, who do not hear it.</summary>
    internal static INemesis SilenceFollower { get; } = OfFollower("black hole from a follower to the others", ProxyDirections.ToServer);

    /// <summary>Z9: followers hear of everything two seconds late.</summary>
    internal static INemesis DelayLeader { get; } = new Nemesis("delay of 2 s from the leader to its followers", NemesisTarget.Links, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 4, 8);
        ZooKeeperServer leader = await cluster.LeaderAsync(random, hurry);
        await BreakAsync(cluster, leader, ProxyDirections.ToServer, (link, directions) => link.Delay(TimeSpan.FromSeconds(2), directions), time, hurry);
    });

    private static Nemesis OfLeader(string kind, ProxyDirections directions) => new(kind, NemesisTarget.Links, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 6, 9);
        ZooKeeperServer leader = await cluster.LeaderAsync(random, hurry);
        await BreakAsync(cluster, leader, directions, (link, d) => link.Stall(d), time, hurry);
    });

    private static Nemesis OfFollower(string kind, ProxyDirections directions) => new(kind, NemesisTarget.Links, async (cluster, random, hurry) =>
    {
        TimeSpan time = Nemesis.Between(random, 2, 8);
        ZooKeeperServer follower = await cluster.FollowerAsync(random, hurry);
        await BreakAsync(cluster, follower, directions, (link, d) => link.Stall(d), time, hurry);
    });

    /// <summary>Breaks what a server says to the others, what it hears, or both, whichever side connected.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="server">The server.</param>
    /// <param name="directions">As seen from it: to the others, or to itself.</param>
    /// <param name="fault">What to do with a link in the directions that it is given.</param>
    /// <param name="time">For how long.</param>
    /// <param name="hurry">Shortens it.</param>
    private static Task BreakAsync(
        FaultCluster cluster, ZooKeeperServer server, ProxyDirections directions, Action<Link, ProxyDirections> fault, TimeSpan time, CancellationToken hurry)
    {
        ProxyDirections opposite = directions switch
        {
            ProxyDirections.ToServer => ProxyDirections.ToClient,
            ProxyDirections.ToClient => ProxyDirections.ToServer,
            _ => directions,
        };
        int number = cluster.NumberOf(server);
        int[] others = [.. Enumerable.Range(0, FaultCluster.Size).Where(other => other != number)];
        HashSet<Link> outgoing = [.. others.SelectMany(other => cluster.Between(number, other))];
        Link[] links = [.. outgoing, .. others.SelectMany(other => cluster.Between(other, number))];
        return LinkNemeses.BreakAsync(links, link => fault(link, outgoing.Contains(link) ? directions : opposite), time, hurry);
    }
}
