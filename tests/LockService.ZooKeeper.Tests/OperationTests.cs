using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class OperationTests(ZooKeeperFixture zookeeper)
{
    private static readonly byte[] s_data = [1, 2, 3];

    [Theory]
    [InlineData(CreateMode.Persistent, "/n")]
    [InlineData(CreateMode.Ephemeral, "/n")]
    [InlineData(CreateMode.Container, "/n")]
    [InlineData(CreateMode.PersistentWithTtl, "/n")]
    [InlineData(CreateMode.PersistentSequential, "/n0000000000")]
    [InlineData(CreateMode.EphemeralSequential, "/n0000000000")]
    [InlineData(CreateMode.PersistentSequentialWithTtl, "/n0000000000")]
    public async Task A_created_node_has_its_path_below_the_chroot_and_its_data(CreateMode mode, string expectedPath)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        bool hasTtl = mode is CreateMode.PersistentWithTtl or CreateMode.PersistentSequentialWithTtl;

        CreatedNode created = await client.CreateAsync("/n", s_data, mode, ttl: hasTtl ? TimeSpan.FromHours(1) : default);

        Assert.Equal(expectedPath, created.Path);
        NodeData? read = await client.GetDataAsync(expectedPath);
        Assert.Equal(s_data, read?.Data.ToArray());
        Assert.Equal(created.Stat, read?.Stat);
        bool ephemeral = mode is CreateMode.Ephemeral or CreateMode.EphemeralSequential;
        Assert.Equal(ephemeral ? client.SessionId : 0, read?.Stat.EphemeralOwner);
    }

    [Fact]
    public async Task Sequence_numbers_rise_with_every_creation_under_the_parent()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/plain");

        CreatedNode first = await client.CreateAsync("/a-", mode: CreateMode.EphemeralSequential);
        CreatedNode second = await client.CreateAsync("/b-", mode: CreateMode.PersistentSequential);

        Assert.Equal("/a-0000000001", first.Path);
        Assert.Equal("/b-0000000002", second.Path);
    }

    [Fact]
    public async Task A_sequential_node_may_have_a_bare_number_as_its_name()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/q");

        Assert.Equal("/q/0000000000", (await client.CreateAsync("/q/", mode: CreateMode.PersistentSequential)).Path);
    }

    [Fact]
    public async Task A_bare_number_directly_below_the_chroot_stays_below_the_chroot()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        CreatedNode alone = await client.CreateAsync("/", mode: CreateMode.PersistentSequential);
        TransactionResult inTransaction = await client.CommitAsync(new Transaction().Create("/", default, CreateMode.PersistentSequential));

        Assert.Equal("/0000000000", alone.Path);
        Assert.Equal("/0000000001", inTransaction.Parts[0].Path);
        NodeChildren? children = await client.GetChildrenAsync("/");
        Assert.Equal(["0000000000", "0000000001"], children?.Names.Order());
    }

    [Fact]
    public async Task A_container_is_collected_after_its_last_child_is_gone()
    {
        var options = new ZooKeeperServerOptions { SystemProperties = new Dictionary<string, string> { ["znode.container.checkIntervalMs"] = "100" } };
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync(options);
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(server.ConnectString) });
        await client.CreateAsync("/c", mode: CreateMode.Container);
        await client.CreateAsync("/t", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromMilliseconds(1));
        await client.CreateAsync("/plain");
        await client.CreateAsync("/c/x");

        await client.DeleteAsync("/c/x");

        await Eventually.TrueAsync("the container is gone", async () => await client.ExistsAsync("/c") is null);
        await Eventually.TrueAsync("the node with a TTL is gone", async () => await client.ExistsAsync("/t") is null);
        Assert.NotNull(await client.ExistsAsync("/plain"));
    }

    [Fact]
    public async Task A_node_is_created_with_the_given_access_control_list()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n", s_data, acl: [new Acl(Permissions.Delete, "world", "anyone")]);

        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => client.GetDataAsync("/n"));

        Assert.Equal(ErrorCode.NoAuth, refused.Code);
        Assert.Equal(RequestOutcome.Refused, refused.Outcome);
    }

    [Fact]
    public async Task An_access_control_list_with_a_hole_is_refused_to_its_caller()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        await Assert.ThrowsAsync<ArgumentNullException>(() => client.CreateAsync("/n", acl: [null!]));
        Assert.Throws<ArgumentNullException>(() => new Transaction().Create("/n", default, CreateMode.Persistent, [new Acl(Permissions.All, null!, "x")]));
        Assert.Null(await client.ExistsAsync("/n"));
    }

    [Fact]
    public async Task What_the_server_refuses_names_the_code_and_the_path_of_the_caller()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/parent");
        await client.CreateAsync("/parent/child", mode: CreateMode.Ephemeral);

        await AssertRefused(ErrorCode.NodeExists, "'/parent'", client.CreateAsync("/parent"));
        await AssertRefused(ErrorCode.NoNode, "'/no/child'", client.CreateAsync("/no/child"));
        await AssertRefused(ErrorCode.NoChildrenForEphemerals, "'/parent/child/x'", client.CreateAsync("/parent/child/x"));
        await AssertRefused(ErrorCode.NotEmpty, "'/parent'", client.DeleteAsync("/parent"));
        await AssertRefused(ErrorCode.BadVersion, "'/parent'", client.DeleteAsync("/parent", 7));
        await AssertRefused(ErrorCode.NoNode, "'/no'", client.DeleteAsync("/no"));
        await AssertRefused(ErrorCode.BadVersion, "'/parent'", client.SetDataAsync("/parent", s_data, 7));
        await AssertRefused(ErrorCode.NoNode, "'/no'", client.SetDataAsync("/no", s_data, -1));
        await AssertRefused(ErrorCode.InvalidAcl, "'/x'", client.CreateAsync("/x", acl: []));
        await AssertRefused(ErrorCode.ReconfigDisabled, "'/zookeeper/config'", client.ReconfigureAsync([], [2]));
    }

    [Fact]
    public async Task Reads_of_a_missing_node_are_null()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        Assert.Null(await client.ExistsAsync("/no"));
        Assert.Null(await client.GetDataAsync("/no"));
        Assert.Null(await client.GetChildrenAsync("/no"));
        Assert.Null(await client.WatchDataAsync("/no"));
        Assert.Null(await client.WatchChildrenAsync("/no"));
    }

    [Fact]
    public async Task Setting_data_raises_the_version_and_returns_the_new_stat()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Stat? before = (await client.CreateAsync("/n")).Stat;

        Stat after = await client.SetDataAsync("/n", s_data, 0);

        Assert.Equal(1, after.Version);
        Assert.Equal(s_data.Length, after.DataLength);
        Assert.Equal(before?.CreatedZxid, after.CreatedZxid);
        Assert.True(after.ModifiedZxid > before?.ModifiedZxid);
        Assert.Equal(after, await client.ExistsAsync("/n"));
    }

    [Fact]
    public async Task A_deleted_node_is_gone()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");

        await client.DeleteAsync("/n", 0);

        Assert.Null(await client.ExistsAsync("/n"));
    }

    [Fact]
    public async Task Children_are_bare_names_with_the_stat_of_their_parent()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/p");
        await client.CreateAsync("/p/a");
        Stat? last = (await client.CreateAsync("/p/b")).Stat;

        NodeChildren? children = await client.GetChildrenAsync("/p");

        Assert.Equal(["a", "b"], children?.Names.Order());
        Assert.Equal(2, children?.Stat.ChildCount);
        Assert.Equal(last?.CreatedZxid, children?.Stat.ChildrenZxid);
    }

    [Fact]
    public async Task The_root_of_a_client_is_its_chroot()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/only");

        NodeChildren? children = await client.GetChildrenAsync("/");

        Assert.Equal(["only"], children?.Names);
    }

    [Fact]
    public async Task A_read_after_a_sync_sees_what_another_session_was_told_before()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        await using var writer = new ZooKeeperClient(options);
        await using var reader = new ZooKeeperClient(options);
        await writer.CreateAsync("/n");

        await reader.SyncAsync("/n");

        Assert.NotNull(await reader.ExistsAsync("/n"));
    }

    [Fact]
    public async Task The_ephemeral_nodes_of_a_session_are_listed_by_prefix_without_the_chroot()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        await using var client = new ZooKeeperClient(options);
        await using var other = new ZooKeeperClient(options);
        await client.CreateAsync("/lock-a", mode: CreateMode.Ephemeral);
        await client.CreateAsync("/lock-b", mode: CreateMode.Ephemeral);
        await client.CreateAsync("/x", mode: CreateMode.Ephemeral);
        await client.CreateAsync("/lock-persistent");
        await other.CreateAsync("/lock-of-another", mode: CreateMode.Ephemeral);

        Assert.Equal(["/lock-a", "/lock-b"], (await client.GetEphemeralsAsync("/lock-")).Order());
        Assert.Equal(["/lock-a", "/lock-b", "/x"], (await client.GetEphemeralsAsync("/")).Order());
        Assert.Empty(await client.GetEphemeralsAsync("/none"));
    }

    [Fact]
    public async Task Closing_the_session_removes_its_ephemeral_nodes_at_once()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        var client = new ZooKeeperClient(options);
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);

        await client.DisposeAsync();

        await using var other = new ZooKeeperClient(options);
        Assert.Null(await other.ExistsAsync("/e"));
        Assert.Equal(SessionEnd.Closed, client.Status.End);
    }

    [Fact]
    public async Task Names_outside_ascii_and_large_data_come_back_as_they_went()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        byte[] data = new byte[900_000];
        new Random(1).NextBytes(data);

        await client.CreateAsync("/größe-日本", data);

        NodeChildren? children = await client.GetChildrenAsync("/");
        Assert.Equal(["größe-日本"], children?.Names);
        Assert.Equal(data, (await client.GetDataAsync("/größe-日本"))?.Data.ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("/a/")]
    [InlineData("/a//b")]
    [InlineData("/./a")]
    [InlineData("/..")]
    [InlineData("/a\u0000")]
    [InlineData("/a\ud83d\ude00")]
    public async Task A_path_that_is_none_is_refused_before_anything_is_sent(string path)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        await Assert.ThrowsAsync<ArgumentException>(() => client.ExistsAsync(path));
        await Assert.ThrowsAsync<ArgumentException>(() => client.CreateAsync(path));
        Assert.Throws<ArgumentException>(() => new Transaction().Delete(path));
    }

    private static async Task AssertRefused(ErrorCode code, string path, Task request)
    {
        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => request);
        Assert.Equal(code, refused.Code);
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
    }
}
