using System.Text;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>What a server refuses that is set up to: nodes with a TTL, more than a quota, changes of an ensemble it is not part of.</summary>
public sealed class RestrictedServerTests : IAsyncLifetime
{
    private ZooKeeperServer _server = null!;

    public async Task InitializeAsync() => _server = await ZooKeeperServer.StartNewAsync(new ZooKeeperServerOptions
    {
        Config = new Dictionary<string, string> { ["reconfigEnabled"] = "true" },
        SystemProperties = new Dictionary<string, string>
        {
            ["zookeeper.extendedTypesEnabled"] = "false",
            ["zookeeper.enforceQuota"] = "true",
            ["zookeeper.skipACL"] = "yes",
        },
    });

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Each_refusal_has_its_code_and_the_connection_stays()
    {
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(_server.ConnectString) });
        await client.CreateAsync("/full");
        await client.CreateAsync("/zookeeper/quota/full");
        await client.CreateAsync("/zookeeper/quota/full/zookeeper_limits", Encoding.ASCII.GetBytes("count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=1"));
        await client.CreateAsync("/zookeeper/quota/full/zookeeper_stats", Encoding.ASCII.GetBytes("count=1,bytes=0"));

        await Refused.WithAsync(
            ErrorCode.Unimplemented, "/t", client.CreateAsync("/t", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromHours(1)));
        await Refused.WithAsync(ErrorCode.QuotaExceeded, "/full/n", client.CreateAsync("/full/n"));
        await Refused.WithAsync(ErrorCode.Unimplemented, EnsembleOperations.ConfigPath, client.ReconfigureAsync([], [2]));
        await Refused.WithAsync(ErrorCode.BadArguments, "/", client.DeleteAsync("/"));

        Assert.Equal(SessionState.Connected, client.Status.State);
    }
}
