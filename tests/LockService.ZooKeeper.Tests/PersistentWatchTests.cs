using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class PersistentWatchTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task A_watch_of_a_node_reports_everything_that_happens_to_it_and_among_its_children()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await using PersistentWatch watch = await client.AddWatchAsync("/n", WatchScope.Node);
        await using var events = new EventReader(watch);

        await client.CreateAsync("/n");
        await client.SetDataAsync("/n", default, -1);
        await client.CreateAsync("/n/c");
        await client.SetDataAsync("/n/c", default, -1);
        await client.DeleteAsync("/n/c");
        await client.SetAclAsync("/n", Acl.Open, -1);
        await client.DeleteAsync("/n");
        await client.CreateAsync("/n");

        await events.ExpectAsync(
            (WatchEventType.NodeCreated, "/n"),
            (WatchEventType.NodeDataChanged, "/n"),
            (WatchEventType.NodeChildrenChanged, "/n"),
            (WatchEventType.NodeChildrenChanged, "/n"),
            (WatchEventType.NodeDeleted, "/n"),
            (WatchEventType.NodeCreated, "/n"));
    }

    [Fact]
    public async Task A_watch_of_a_subtree_reports_each_change_once_and_for_the_node_it_happened_to()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await using PersistentWatch watch = await client.AddWatchAsync("/n", WatchScope.Subtree);
        await using var events = new EventReader(watch);

        await client.CreateAsync("/n");
        await client.CreateAsync("/n/c");
        await client.WatchChildrenAsync("/n/c");
        await client.CreateAsync("/n/c/d");
        await client.SetDataAsync("/n/c/d", default, -1);
        await client.CreateAsync("/nn");
        await client.DeleteAsync("/n/c/d");
        await client.DeleteAsync("/n/c");

        await events.ExpectAsync(
            (WatchEventType.NodeCreated, "/n"),
            (WatchEventType.NodeCreated, "/n/c"),
            (WatchEventType.NodeCreated, "/n/c/d"),
            (WatchEventType.NodeDataChanged, "/n/c/d"),
            (WatchEventType.NodeDeleted, "/n/c/d"),
            (WatchEventType.NodeDeleted, "/n/c"));
    }

    [Fact]
    public async Task A_watch_of_the_whole_tree_sees_the_chroot_and_all_below_it()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await using PersistentWatch watch = await client.AddWatchAsync("/", WatchScope.Subtree);
        await using var events = new EventReader(watch);

        await client.SetDataAsync("/", default, -1);
        await client.CreateAsync("/a");

        await events.ExpectAsync((WatchEventType.NodeDataChanged, "/"), (WatchEventType.NodeCreated, "/a"));
    }

    [Fact]
    public async Task Watches_above_each_other_are_all_told()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/a");
        await using PersistentWatch above = await client.AddWatchAsync("/", WatchScope.Subtree);
        await using PersistentWatch subtree = await client.AddWatchAsync("/a", WatchScope.Subtree);
        await using PersistentWatch node = await client.AddWatchAsync("/a/b", WatchScope.Node);

        await client.CreateAsync("/a/b");

        foreach (PersistentWatch watch in (PersistentWatch[])[above, subtree, node])
        {
            await using var events = new EventReader(watch);
            await events.ExpectAsync((WatchEventType.NodeCreated, "/a/b"));
        }
    }

    [Theory]
    [InlineData(WatchScope.Node)]
    [InlineData(WatchScope.Subtree)]
    public async Task A_reconnect_is_a_gap_behind_which_nothing_is_missing(WatchScope scope)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy);
        await using var client = new ZooKeeperClient(options);
        await client.CreateAsync("/n");
        await using PersistentWatch watch = await client.AddWatchAsync("/n", scope);
        await using var events = new EventReader(watch);
        proxy.Refuse();
        await proxy.CutAsync(client);
        await using (var other = new ZooKeeperClient(options with { Servers = ConnectString.Parse(zookeeper.Server.ConnectString + options.Servers.Chroot) }))
        {
            await other.SetDataAsync("/n", default, -1);
        }

        proxy.Admit();

        await events.ExpectAsync((WatchEventType.Gap, "/n"));
        Assert.Equal(1, (await client.ExistsAsync("/n"))?.Version);
        await client.SetDataAsync("/n", default, -1);
        await events.ExpectAsync((WatchEventType.NodeDataChanged, "/n"));
        Assert.Contains(proxy.Requests, request => request is { Kind: RequestKind.SetWatches2, Connection: > 1 });
        Assert.DoesNotContain(proxy.Requests, request => request.Kind == RequestKind.SetWatches);
    }

    [Fact]
    public async Task A_reader_that_is_too_slow_finds_a_gap_and_what_came_after_it()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");
        await using PersistentWatch watch = await client.AddWatchAsync("/n", WatchScope.Node, bufferSize: 3);
        await using var events = new EventReader(watch);

        for (int i = 0; i < 4; i++)
        {
            await client.SetDataAsync("/n", default, -1);
        }

        await client.DeleteAsync("/n");
        await events.ExpectAsync((WatchEventType.Gap, "/n"), (WatchEventType.NodeDeleted, "/n"));
        await client.CreateAsync("/n");
        await events.ExpectAsync((WatchEventType.NodeCreated, "/n"));
    }

    [Fact]
    public async Task The_end_of_the_session_is_the_last_event()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        PersistentWatch watch = await client.AddWatchAsync("/n", WatchScope.Node);
        await using var events = new EventReader(watch);

        await client.DisposeAsync();

        await events.ExpectAsync((WatchEventType.SessionEnded, "/n"));
        await events.ExpectEndAsync();
        await watch.DisposeAsync();
    }

    [Fact]
    public async Task A_watch_whose_reply_was_lost_is_not_registered_again()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        _ = proxy.DropNextReply(RequestKind.AddWatch);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.AddWatchAsync("/n", WatchScope.Node));
        await proxy.CutAsync(client);
        await client.SyncAsync("/");

        Assert.False(await client.HasWatchAsync("/n"));
    }

    [Fact]
    public async Task A_path_has_watches_of_one_scope()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await using PersistentWatch first = await client.AddWatchAsync("/n", WatchScope.Node);

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.AddWatchAsync("/n", WatchScope.Subtree));

        await first.DisposeAsync();
        await using PersistentWatch second = await client.AddWatchAsync("/n", WatchScope.Subtree);
        await using var events = new EventReader(second);
        await client.CreateAsync("/n");
        await client.CreateAsync("/n/c");
        await events.ExpectAsync((WatchEventType.NodeCreated, "/n"), (WatchEventType.NodeCreated, "/n/c"));
    }
}
