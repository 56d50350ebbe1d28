using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests.EndToEnd.Native;

/// <summary>Two instances of the service and a client of each other library on one ZooKeeper.</summary>
public sealed class NativeClients : IAsyncLifetime
{
    private readonly Dictionary<string, INativeClient> _clients = [];
    private ZooKeeperServer _zooKeeper = null!;

    internal Cluster Cluster { get; private set; } = null!;

    /// <summary>The library's client, which lives as long as all tests here.</summary>
    internal INativeClient this[string library] => _clients[library];

    public async Task InitializeAsync()
    {
        _zooKeeper = await ZooKeeperServer.StartNewAsync();
        _clients["Curator"] = StartNew("Curator");
        _clients["kazoo"] = StartNew("kazoo");
        Cluster = await Cluster.StartAsync(_zooKeeper.ConnectString);
    }

    public async Task DisposeAsync()
    {
        foreach (INativeClient client in _clients.Values)
        {
            await client.DisposeAsync();
        }

        await Cluster.DisposeAsync();
        await _zooKeeper.DisposeAsync();
    }

    /// <summary>A client to be killed.</summary>
    internal INativeClient StartNew(string library) =>
        library == "Curator" ? new CuratorLocks(_zooKeeper.ConnectString) : new KazooLocks(_zooKeeper.ConnectString);
}
