using LockService.ZooKeeper;
using Xunit;

namespace LockService.Testing;

/// <summary>
/// One ZooKeeper for all tests of a collection. A test project declares a collection with it,
/// <c>[CollectionDefinition("zookeeper")] public sealed class SharedZooKeeper : ICollectionFixture&lt;ZooKeeperFixture&gt;;</c>, and
/// each test works below a chroot of its own. A test that stops or freezes the server needs one for itself.
/// </summary>
public sealed class ZooKeeperFixture : IAsyncLifetime
{
    private int _roots;

    /// <summary>The server, running since before the first test.</summary>
    public ZooKeeperServer Server { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync() => Server = await ZooKeeperServer.StartNewAsync();

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Server.DisposeAsync();

    /// <summary>Creates a node for one test alone.</summary>
    /// <returns>Its path, for the end of a connect string.</returns>
    public async Task<string> NewRootAsync()
    {
        string root = $"/test-{Interlocked.Increment(ref _roots)}";
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(Server.ConnectString) });
        await Eventually.CompletesAsync("the test's root is created", client.CreateAsync(root));
        return root;
    }

    /// <summary>A network between clients and the server that fails on demand.</summary>
    public ZooKeeperProxy NewProxy() => new(Server.Port);

    /// <summary>Options for clients of one test, with a new chroot.</summary>
    /// <param name="via">Proxies that the clients see as their servers; without any they connect directly.</param>
    public async Task<ZooKeeperOptions> NewOptionsAsync(params ZooKeeperProxy[] via)
    {
        string servers = via.Length == 0 ? Server.ConnectString : string.Join(',', via.Select(proxy => proxy.ConnectString));
        return new ZooKeeperOptions { Servers = ConnectString.Parse(servers + await NewRootAsync()) };
    }
}
