using LockService.Testing;
using LockService.ZooKeeper;

namespace LockService.FaultTests.Clusters;

/// <summary>Three ZooKeeper servers and three instances of the service, with links between all of them and in front of each instance.</summary>
internal sealed class FaultCluster : IAsyncDisposable
{
    internal const int Size = 3;

    /// <summary>
    /// So many transactions before the low half of the zxid is used up, and the leader must be elected anew: more than there are between two faults
    /// that end an epoch, so that this happens when a nemesis wants it.
    /// </summary>
    private const long BeforeRollOver = 30_000;

    /// <summary>Followers connect to a server that they have elected before it listens; that they were reset they would take for its end.</summary>
    private static readonly TimeSpan s_untilLeading = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A lock whose queue has room for a few hundred numbers more, however often it has been empty: <see cref="Filler"/> keeps it from being
    /// removed with its numbers.
    /// </summary>
    internal const string LockNearTheEnd = "near-the-end";

    /// <summary>A lock that lets nobody in, 503, until its <see cref="Filler"/> is deleted and it has been unused for a minute.</summary>
    internal const string LockBeyondTheEnd = "beyond-the-end";

    /// <summary>Beyond this number an instance lets nobody queue.</summary>
    private const int LastNumber = int.MaxValue - (1 << 24);

    private const int NumbersLeft = 300;

    private readonly Dictionary<(int From, int To), List<Link>> _between;

    private FaultCluster(ZooKeeperEnsemble zooKeeper, Dictionary<(int, int), List<Link>> between, string assembly)
    {
        ZooKeeper = zooKeeper;
        _between = between;
        Instances = [.. Enumerable.Range(0, Size).Select(i => new Instance(i, assembly, zooKeeper.Servers.Select(server => server.Port)))];
        for (int i = 0; i < Size; i++)
        {
            Link[] links = [.. Instances.Select(instance => instance.ToZooKeeper[i])];
            zooKeeper.Servers[i].Serves += serves => Array.ForEach(links, serves ? link => link.Open() : link => link.Close());
        }
    }

    internal ZooKeeperEnsemble ZooKeeper { get; }

    internal IReadOnlyList<Instance> Instances { get; }

    /// <summary>All links there are.</summary>
    internal IEnumerable<Link> Links => [.. _between.Values.SelectMany(links => links), .. Instances.SelectMany(i => i.ToZooKeeper), .. Instances.Select(i => i.Front)];

    /// <summary>The node in such a lock's directory that is not a contender.</summary>
    internal static string Filler(string name) => $"/lockservice/locks/{name}/filler";

    /// <summary>Starts everything and waits until it is ready.</summary>
    /// <param name="assembly">The service's assembly.</param>
    internal static async Task<FaultCluster> StartAsync(string assembly)
    {
        var between = new Dictionary<(int, int), List<Link>>();
        int Route(int from, int to, int port)
        {
            if (!between.TryGetValue((from, to), out List<Link>? links))
            {
                between[(from, to)] = links = [];
            }

            links.Add(new Link(port, s_untilLeading));
            return links[^1].Port;
        }

        var options = new ZooKeeperServerOptions
        {
            Nodes =
            [
                new PreparedNode("/lockservice"),
                new PreparedNode("/lockservice/locks"),
                .. Numbered(LockNearTheEnd, LastNumber - NumbersLeft + 1),
                .. Numbered(LockBeyondTheEnd, LastNumber + 1),
            ],
            Config = new Dictionary<string, string> { ["snapCount"] = "10000000" },
            SystemProperties = new Dictionary<string, string>
            {
                ["zookeeper.testingonly.initialZxid"] = $"{(1L << 32) - BeforeRollOver}",
                // Fsync must happen to be slow or to fail.
                ["zookeeper.forceSync"] = "yes",
                ["znode.container.checkIntervalMs"] = "5000",
            },
        };
        var cluster = new FaultCluster(await ZooKeeperEnsemble.StartNewAsync(options, Route), between, assembly);
        try
        {
            await Task.WhenAll(cluster.Instances.Select(instance => instance.StartAsync()));
            await Task.WhenAll(cluster.Instances.Select(instance => instance.Process!.ReadyAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A lock's directory as an instance makes it.</summary>
    private static PreparedNode[] Numbered(string name, int next) => [new($"/lockservice/locks/{name}", "lock"), new(Filler(name), NextNumber: next)];

    /// <summary>From one ZooKeeper server to another: what a follower sends to its leader and hears from it, and votes.</summary>
    internal IReadOnlyList<Link> Between(int from, int to) => _between[(from, to)];

    /// <summary>A client of ZooKeeper past all links; of all servers unless some are given.</summary>
    internal ZooKeeperClient Client(params ZooKeeperServer[] servers) => new(new ZooKeeperOptions
    {
        Servers = ConnectString.Parse(string.Join(',', (servers.Length > 0 ? servers : ZooKeeper.Servers).Select(server => server.ConnectString))),
        SessionTimeout = TimeSpan.FromSeconds(30),
    });

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Instances.Select(instance => instance.DisposeAsync().AsTask()));
        await ZooKeeper.DisposeAsync();
        foreach (Link link in _between.Values.SelectMany(links => links))
        {
            link.Dispose();
        }
    }
}
