using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Every operation, kind of node, error and kind of watch, on whatever the derived class connects to.</summary>
public abstract class ConformanceTests
{
    private readonly string _root = $"/{Guid.NewGuid():N}";

    [Theory]
    [InlineData(CreateMode.Persistent, false)]
    [InlineData(CreateMode.Persistent, true)]
    [InlineData(CreateMode.Ephemeral, false)]
    [InlineData(CreateMode.Ephemeral, true)]
    [InlineData(CreateMode.PersistentSequential, false)]
    [InlineData(CreateMode.PersistentSequential, true)]
    [InlineData(CreateMode.EphemeralSequential, false)]
    [InlineData(CreateMode.EphemeralSequential, true)]
    [InlineData(CreateMode.Container, false)]
    [InlineData(CreateMode.Container, true)]
    [InlineData(CreateMode.PersistentWithTtl, false)]
    [InlineData(CreateMode.PersistentWithTtl, true)]
    [InlineData(CreateMode.PersistentSequentialWithTtl, false)]
    [InlineData(CreateMode.PersistentSequentialWithTtl, true)]
    public async Task A_node_of_every_kind_is_created_alone_and_in_a_transaction(CreateMode mode, bool inTransaction)
    {
        await using ZooKeeperClient client = await OpenAsync(_root);
        bool sequential = mode is CreateMode.PersistentSequential or CreateMode.EphemeralSequential or CreateMode.PersistentSequentialWithTtl;
        bool hasTtl = mode is CreateMode.PersistentWithTtl or CreateMode.PersistentSequentialWithTtl;
        TimeSpan ttl = hasTtl ? TimeSpan.FromHours(1) : default;

        string path = inTransaction
            ? (await client.CommitAsync(new Transaction().Create($"{_root}/n", "x"u8.ToArray(), mode, ttl: ttl))).Parts[0].Path!
            : (await client.CreateAsync($"{_root}/n", "x"u8.ToArray(), mode, ttl: ttl)).Path;

        Assert.Equal(sequential ? $"{_root}/n0000000000" : $"{_root}/n", path);
        NodeData read = (await client.GetDataAsync(path))!;
        Assert.Equal("x"u8.ToArray(), read.Data.ToArray());
        bool isEphemeral = mode is CreateMode.Ephemeral or CreateMode.EphemeralSequential;
        Assert.Equal(isEphemeral ? client.SessionId : 0, read.Stat.EphemeralOwner);
    }

    [Fact]
    public async Task Every_operation_does_what_it_says()
    {
        await using ZooKeeperClient client = await OpenAsync(_root);
        string node = $"{_root}/n";

        await client.CreateAsync(node, "a"u8.ToArray());
        await client.CreateAsync($"{node}/e", mode: CreateMode.Ephemeral);
        Stat set = await client.SetDataAsync(node, "b"u8.ToArray(), 0);
        Stat acl = await client.SetAclAsync(node, [new Acl(Permissions.All, "world", "anyone"), new Acl(Permissions.Read, "ip", "127.0.0.1")], 0);
        await client.SyncAsync(node);
        ReadBatchResult batch = await client.ReadAsync(new ReadBatch().GetData(node).GetChildren(node).GetData($"{node}/no"));
        TransactionResult committed = await client.CommitAsync(new Transaction()
            .Check(node, 1)
            .SetData(node, "c"u8.ToArray(), 1)
            .Create($"{node}/t", default, CreateMode.Persistent)
            .Delete($"{node}/t"));

        Assert.Equal((1, 0), (set.Version, set.AclVersion));
        Assert.Equal(1, acl.AclVersion);
        Assert.Equal(2, (await client.ExistsAsync(node))?.Version);
        Assert.Equal("c"u8.ToArray(), (await client.GetDataAsync(node))?.Data.ToArray());
        Assert.Equal(["e"], (await client.GetChildrenAsync(node))?.Names);
        Assert.Equal(2, (await client.GetAclAsync(node))?.Entries.Count);
        Assert.Equal(2, await client.CountDescendantsAsync(_root));
        Assert.Equal([$"{node}/e"], await client.GetEphemeralsAsync(_root));
        Assert.Contains(await client.WhoAmIAsync(), identity => identity.Scheme == "ip");
        Assert.NotNull(await client.GetConfigAsync());
        Assert.Equal("b"u8.ToArray(), batch.Data(0)?.Data.ToArray());
        Assert.Equal(["e"], batch.Children(1));
        Assert.Equal(ErrorCode.NoNode, batch.Error(2));
        Assert.True(committed.Committed);
        await client.DeleteAsync($"{node}/e", 0);
        await client.DeleteAsync(node, 2);
        Assert.Null(await client.ExistsAsync(node));
    }

    [Fact]
    public async Task Every_refusal_has_its_code_and_the_connection_stays()
    {
        await using ZooKeeperClient client = await OpenAsync(_root);
        string node = $"{_root}/n";
        string missing = $"{_root}/missing";
        await client.CreateAsync(node);
        await client.CreateAsync($"{node}/c");
        await client.CreateAsync($"{_root}/e", mode: CreateMode.Ephemeral);
        await client.CreateAsync($"{_root}/closed", acl: [new Acl(Permissions.Delete, "world", "anyone")]);

        await Refused.WithAsync(ErrorCode.NodeExists, node, client.CreateAsync(node));
        await Refused.WithAsync(ErrorCode.NoNode, $"{missing}/c", client.CreateAsync($"{missing}/c"));
        await Refused.WithAsync(ErrorCode.NoNode, missing, client.DeleteAsync(missing));
        await Refused.WithAsync(ErrorCode.NoNode, missing, client.SetDataAsync(missing, default, -1));
        await Refused.WithAsync(ErrorCode.BadVersion, node, client.SetDataAsync(node, default, 7));
        await Refused.WithAsync(ErrorCode.BadVersion, $"{node}/c", client.DeleteAsync($"{node}/c", 7));
        await Refused.WithAsync(ErrorCode.NotEmpty, node, client.DeleteAsync(node));
        await Refused.WithAsync(ErrorCode.NoChildrenForEphemerals, $"{_root}/e/c", client.CreateAsync($"{_root}/e/c"));
        await Refused.WithAsync(ErrorCode.InvalidAcl, $"{_root}/a", client.CreateAsync($"{_root}/a", acl: []));
        await Refused.WithAsync(ErrorCode.NoAuth, $"{_root}/closed", client.GetDataAsync($"{_root}/closed"));
        await Refused.WithAsync(ErrorCode.NoAuth, $"{_root}/closed", client.SetDataAsync($"{_root}/closed", default, -1));
        TransactionResult result = await client.CommitAsync(new Transaction().SetData(node, "x"u8.ToArray(), -1).Check(node, 7));

        Assert.Equal((ErrorCode.BadVersion, 1), (result.Error, result.FailedIndex));
        Assert.Equal(0, (await client.ExistsAsync(node))?.Version);
        Assert.Equal(SessionState.Connected, client.Status.State);
    }

    [Fact]
    public async Task Every_kind_of_watch_reports_and_can_be_removed()
    {
        await using ZooKeeperClient client = await OpenAsync(_root);
        string[] nodes = [.. Enumerable.Range(0, 6).Select(i => $"{_root}/n{i}")];
        await Task.WhenAll(nodes[1..].Select(node => client.CreateAsync(node)));
        Watched<Stat?> created = await client.WatchExistsAsync(nodes[0]);
        Watched<NodeData>? data = await client.WatchDataAsync(nodes[1]);
        Watched<NodeChildren>? children = await client.WatchChildrenAsync(nodes[2]);
        Watched<NodeChildren>? deleted = await client.WatchChildrenAsync(nodes[3]);
        await using PersistentWatch node = await client.AddWatchAsync(nodes[4], WatchScope.Node);
        await using PersistentWatch tree = await client.AddWatchAsync(nodes[5], WatchScope.Subtree);
        await using var ofNode = new EventReader(node);
        await using var ofTree = new EventReader(tree);

        await client.CreateAsync(nodes[0]);
        await client.SetDataAsync(nodes[1], default, -1);
        await client.CreateAsync($"{nodes[2]}/c");
        await client.DeleteAsync(nodes[3]);
        await client.CreateAsync($"{nodes[4]}/c");
        await client.SetDataAsync(nodes[4], default, -1);
        await client.CreateAsync($"{nodes[5]}/c");
        await client.DeleteAsync($"{nodes[5]}/c");

        await ReportsAsync(created.Watch, WatchEventType.NodeCreated);
        await ReportsAsync(data!.Watch, WatchEventType.NodeDataChanged);
        await ReportsAsync(children!.Watch, WatchEventType.NodeChildrenChanged);
        await ReportsAsync(deleted!.Watch, WatchEventType.NodeDeleted);
        await ofNode.ExpectAsync((WatchEventType.NodeChildrenChanged, nodes[4]), (WatchEventType.NodeDataChanged, nodes[4]));
        await ofTree.ExpectAsync((WatchEventType.NodeCreated, $"{nodes[5]}/c"), (WatchEventType.NodeDeleted, $"{nodes[5]}/c"));

        Watch again = (await client.WatchDataAsync(nodes[1]))!.Watch;
        Watch childAgain = (await client.WatchChildrenAsync(nodes[2]))!.Watch;
        Watch absent = (await client.WatchExistsAsync($"{_root}/absent")).Watch;
        Assert.True(await client.HasWatchAsync(nodes[1], WatcherType.Data));
        Assert.True(await client.HasWatchAsync(nodes[2], WatcherType.Children));
        await Task.WhenAll(again.RemoveAsync(), childAgain.RemoveAsync(), absent.RemoveAsync(), node.RemoveAsync(), tree.RemoveAsync());
        foreach (string path in (string[])[.. nodes, $"{_root}/absent"])
        {
            Assert.False(await client.HasWatchAsync(path), path);
        }
    }

    /// <summary>A connected client, and a new node for the test.</summary>
    protected static async Task<ZooKeeperClient> OpenAsync(string root, ZooKeeperOptions options)
    {
        var client = new ZooKeeperClient(options);
        await Eventually.CompletesAsync("the test's root is created", client.CreateAsync(root), TimeSpan.FromSeconds(60));
        return client;
    }

    private protected abstract Task<ZooKeeperClient> OpenAsync(string root);

    private static async Task ReportsAsync(Watch watch, WatchEventType expected) =>
        Assert.Equal(expected, (await Eventually.CompletesAsync($"{watch.Path} reports {expected}", watch.Changed)).Type);
}

/// <summary>One server, in clear.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class StandaloneConformanceTests(ZooKeeperFixture zookeeper) : ConformanceTests
{
    private protected override async Task<ZooKeeperClient> OpenAsync(string root) => await OpenAsync(root, await zookeeper.NewOptionsAsync());
}

/// <summary>One server's own TLS port.</summary>
[Collection(SecureZooKeeper.Name)]
public sealed class StandaloneTlsConformanceTests(SecureZooKeeperFixture zookeeper) : ConformanceTests
{
    private protected override Task<ZooKeeperClient> OpenAsync(string root) => OpenAsync(root, zookeeper.SecureOptions());
}

/// <summary>Three servers, in clear.</summary>
[Collection(SharedEnsemble.Name)]
public sealed class EnsembleConformanceTests(EnsembleFixture fixture) : ConformanceTests
{
    private protected override Task<ZooKeeperClient> OpenAsync(string root) =>
        OpenAsync(root, new ZooKeeperOptions { Servers = ConnectString.Parse(fixture.Ensemble.ConnectString) });
}

/// <summary>Three servers, each behind TLS.</summary>
[Collection(SharedEnsemble.Name)]
public sealed class EnsembleTlsConformanceTests : ConformanceTests, IDisposable
{
    private readonly CertificateAuthority _authority = new();
    private readonly X509Certificate2 _certificate;
    private readonly TlsFront[] _fronts;

    public EnsembleTlsConformanceTests(EnsembleFixture fixture)
    {
        _certificate = _authority.IssueServer();
        _fronts = [.. fixture.Ensemble.Servers.Select(server => new TlsFront(server.Port, _certificate, SslProtocols.Tls13))];
    }

    public void Dispose()
    {
        Array.ForEach(_fronts, front => front.Dispose());
        _certificate.Dispose();
        _authority.Dispose();
    }

    private protected override Task<ZooKeeperClient> OpenAsync(string root) => OpenAsync(root, new ZooKeeperOptions
    {
        Servers = ConnectString.Parse(string.Join(',', _fronts.Select(front => $"localhost:{front.Port}"))),
        Tls = new TlsOptions { CertificateAuthorities = [_authority.Certificate] },
    });
}
