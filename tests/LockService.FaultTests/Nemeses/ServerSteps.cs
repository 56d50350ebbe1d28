using LockService.FaultTests.Clusters;
using LockService.Testing;

namespace LockService.FaultTests.Nemeses;

/// <summary>
/// What nemeses of ZooKeeper's servers are made of. Networks may be broken meanwhile, so that nobody leads and no server that was
/// started serves: that is not waited for longer than other nemeses last, and is nobody's failure.
/// </summary>
internal static class ServerSteps
{
    private static readonly TimeSpan s_election = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_return = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(50);

    /// <summary>The leader; any server if there is none for long.</summary>
    internal static async Task<ZooKeeperServer> LeaderAsync(this FaultCluster cluster, Random random, CancellationToken hurry)
    {
        ZooKeeperServer other = Nemesis.OneOf(random, cluster.ZooKeeper.Servers);
        long start = TimeProvider.System.GetTimestamp();
        while (!hurry.IsCancellationRequested && TimeProvider.System.GetElapsedTime(start) < s_election)
        {
            foreach (ZooKeeperServer server in cluster.ZooKeeper.Servers)
            {
                if (await server.ModeAsync() == "leader")
                {
                    return server;
                }
            }

            await Nemesis.HoldAsync(s_interval, hurry);
        }

        return other;
    }

    /// <summary>One of those that do not lead.</summary>
    internal static async Task<ZooKeeperServer> FollowerAsync(this FaultCluster cluster, Random random, CancellationToken hurry) =>
        Nemesis.OneOf(random, await cluster.FollowersAsync(random, hurry));

    /// <summary>Those that do not lead.</summary>
    internal static async Task<IReadOnlyList<ZooKeeperServer>> FollowersAsync(this FaultCluster cluster, Random random, CancellationToken hurry)
    {
        ZooKeeperServer leader = await cluster.LeaderAsync(random, hurry);
        return [.. cluster.ZooKeeper.Servers.Where(server => server != leader)];
    }

    /// <summary>The server's number in the cluster.</summary>
    internal static int NumberOf(this FaultCluster cluster, ZooKeeperServer server) => cluster.ZooKeeper.Servers.ToList().IndexOf(server);

    /// <summary>Breaks servers, leaves them so for a time, and brings them back.</summary>
    internal static async Task BreakAsync(
        IReadOnlyList<ZooKeeperServer> servers, Func<ZooKeeperServer, Task> fault, TimeSpan time, CancellationToken hurry)
    {
        try
        {
            await Task.WhenAll(servers.Select(fault));
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            await Task.WhenAll(servers.Select(server => server.BringBackAsync()));
        }
    }

    /// <summary>Starts or thaws a server and waits until it serves. If it cannot, because others are not there, it will once they are.</summary>
    /// <exception cref="InvalidOperationException">It ends whenever it is started.</exception>
    internal static async Task BringBackAsync(this ZooKeeperServer server)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            bool ended = server.HasEnded;
            if (ended && TimeProvider.System.GetElapsedTime(start) > s_return)
            {
                throw new InvalidOperationException($"ZooKeeper on port {server.Port} ends whenever it is started.\n{server.LogTail()}");
            }

            await (ended ? server.RelaunchAsync() : server.IsFrozen ? server.ThawAsync() : server.IsRunning ? Task.CompletedTask : server.LaunchAsync());
            if (await server.ModeAsync() is not null || (!ended && TimeProvider.System.GetElapsedTime(start) > s_return))
            {
                return;
            }

            await Nemesis.HoldAsync(s_interval, CancellationToken.None);
        }
    }

    /// <summary>Kills a server and starts it again, without waiting until it serves.</summary>
    internal static async Task RelaunchAsync(this ZooKeeperServer server)
    {
        await server.StopAsync();
        await server.LaunchAsync();
    }
}
