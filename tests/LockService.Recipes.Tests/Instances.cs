using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Instances of the service's inner part in one process, all on one root of one ZooKeeper, and a client to look at the nodes.</summary>
internal sealed class Instances : IAsyncDisposable
{
    private readonly List<Coordination> _started = [];

    private Instances(string servers, string chroot)
    {
        Servers = servers;
        Chroot = chroot;
        Observer = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(servers + chroot) });
    }

    internal string Servers { get; }

    internal string Chroot { get; }

    /// <summary>A session of its own, that sees the nodes as they are.</summary>
    internal ZooKeeperClient Observer { get; }

    internal static async Task<Instances> OnAsync(ZooKeeperFixture zooKeeper) =>
        new(zooKeeper.Server.ConnectString, await zooKeeper.NewRootAsync());

    /// <summary>The same on a server that the test has for itself.</summary>
    internal static Instances On(ZooKeeperServer server) => new(server.ConnectString, "");

    /// <summary>Starts an instance.</summary>
    /// <param name="servers">Where it finds ZooKeeper, if not directly: a proxy.</param>
    /// <param name="change">Changes to its options.</param>
    internal Coordination Start(string? servers = null, Func<CoordinationOptions, CoordinationOptions>? change = null)
    {
        var options = new CoordinationOptions
        {
            ZooKeeper = ConnectString.Parse((servers ?? Servers) + Chroot),
            SessionTimeout = TimeSpan.FromSeconds(4),
            // What strikes the next transaction is meant for another one.
            SnapshotTime = TimeSpan.Zero,
            StoreDeadline = TimeSpan.FromSeconds(20),
        };
        var instance = new Coordination(change?.Invoke(options) ?? options, TimeProvider.System, NullLoggerFactory.Instance);
        _started.Add(instance);
        return instance;
    }

    /// <summary>The names in a lock's directory, in the order of the queue.</summary>
    internal async Task<IReadOnlyList<string>> ContendersAsync(string lockName)
    {
        NodeChildren? children = await Observer.GetChildrenAsync($"/lockservice/locks/{lockName}");
        return children is null ? [] : [.. children.Names.OrderBy(name => name[^10..], StringComparer.Ordinal)];
    }

    internal async Task QueueIsAsync(string name, int contenders) =>
        await Eventually.TrueAsync($"'{name}' has {contenders} contenders", async () => (await ContendersAsync(name)).Count == contenders);

    internal static async Task<LockGrant> GrantedAsync(Task<AcquireResult> acquiring)
    {
        AcquireResult result = await Eventually.CompletesAsync("the acquisition is answered", acquiring);
        return Assert.IsType<AcquireResult.Granted>(result).Grant;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Coordination instance in _started)
        {
            await instance.DisposeAsync();
        }

        await Observer.DisposeAsync();
    }
}
