using System.Text;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>This client and kazoo on one server: what one does, the other sees.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class InteroperationTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task Data_and_sequence_numbers_are_common()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        await using var client = new ZooKeeperClient(options);
        await using var kazoo = new Kazoo(options.Servers);

        CreatedNode ours = await client.CreateAsync("/n-", "äß"u8.ToArray(), CreateMode.PersistentSequential);
        string? theirs = (await kazoo.EvaluateAsync("zk.create('/n-', 'häß'.encode(), sequence=True)")).GetString();
        CreatedNode next = await client.CreateAsync("/n-", mode: CreateMode.PersistentSequential);

        Assert.Equal(["/n-0000000000", "/n-0000000001", "/n-0000000002"], [ours.Path, theirs!, next.Path]);
        Assert.Equal("äß", (await kazoo.EvaluateAsync("zk.get('/n-0000000000')[0]")).GetString());
        Assert.Equal("häß", Encoding.UTF8.GetString((await client.GetDataAsync("/n-0000000001"))!.Data.Span));
    }

    [Fact]
    public async Task Access_control_lists_are_common()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        await using var client = new ZooKeeperClient(options);
        await using var kazoo = new Kazoo(options.Servers);

        await client.CreateAsync("/ours", acl: [new Acl(Permissions.Read | Permissions.Admin, "world", "anyone")]);
        await kazoo.EvaluateAsync("zk.create('/theirs', acl=[make_acl('world', 'anyone', read=True, create=True)])");
        await client.CreateAsync("/changed");
        await kazoo.EvaluateAsync("zk.set_acls('/changed', [make_acl('ip', '127.0.0.1', all=True)]).aversion");

        Assert.Equal("[17, \"world\", \"anyone\"]", (await kazoo.EvaluateAsync("(lambda a: [a.perms, a.id.scheme, a.id.id])(zk.get_acls('/ours')[0][0])")).GetRawText());
        Assert.Equal([new Acl(Permissions.Read | Permissions.Create, "world", "anyone")], (await client.GetAclAsync("/theirs"))?.Entries);
        Assert.Equal([new Acl(Permissions.All, "ip", "127.0.0.1")], (await client.GetAclAsync("/changed"))?.Entries);
    }

    [Fact]
    public async Task Ephemeral_nodes_of_one_are_gone_for_the_other_when_it_leaves()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        await using var client = new ZooKeeperClient(options);
        await using var leaving = new ZooKeeperClient(options);
        await using var kazoo = new Kazoo(options.Servers);
        await using var staying = new Kazoo(options.Servers);

        await leaving.CreateAsync("/ours", mode: CreateMode.Ephemeral);
        Assert.Equal(leaving.SessionId, (await staying.EvaluateAsync("zk.exists('/ours').ephemeralOwner")).GetInt64());
        await leaving.DisposeAsync();
        Assert.Equal("null", (await staying.EvaluateAsync("zk.exists('/ours')")).GetRawText());

        long session = (await kazoo.EvaluateAsync("zk.client_id[0] if zk.create('/theirs', ephemeral=True) else None")).GetInt64();
        Assert.Equal(session, (await client.ExistsAsync("/theirs"))?.EphemeralOwner);
        await kazoo.DisposeAsync();
        Assert.Null(await client.ExistsAsync("/theirs"));
    }

    [Fact]
    public async Task Watches_of_one_report_what_the_other_does()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        await using var client = new ZooKeeperClient(options);
        await using var kazoo = new Kazoo(options.Servers);
        await client.CreateAsync("/n");
        Watched<NodeData>? data = await client.WatchDataAsync("/n");
        await using PersistentWatch subtree = await client.AddWatchAsync("/", WatchScope.Subtree);
        await using var events = new EventReader(subtree);
        await kazoo.EvaluateAsync("zk.exists('/m', watch=lambda event: seen.append([event.type, event.path]))");

        await client.CreateAsync("/m");
        await kazoo.EvaluateAsync("zk.set('/n', b'x').version");
        await kazoo.EvaluateAsync("zk.create('/n/c')");

        Assert.Equal(new WatchEvent(WatchEventType.NodeDataChanged, "/n"), await Eventually.CompletesAsync("our watch fires", data!.Watch.Changed));
        await events.ExpectAsync(
            (WatchEventType.NodeCreated, "/m"), (WatchEventType.NodeDataChanged, "/n"), (WatchEventType.NodeCreated, "/n/c"));
        await Eventually.TrueAsync(
            "kazoo's watch fires", async () => (await kazoo.EvaluateAsync("seen")).GetRawText() == "[[\"CREATED\", \"/m\"]]");
    }
}
