using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>What becomes of watches when the connection they were set on is gone.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class WatchReconnectTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task Watches_are_registered_again_and_report_what_happens_afterwards()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/n");
        Watched<Stat?> missing = await client.WatchExistsAsync("/missing");
        Watched<NodeData>? data = await client.WatchDataAsync("/n");
        Watched<NodeChildren>? children = await client.WatchChildrenAsync("/n");

        await proxy.CutAsync(client);
        await client.SyncAsync("/");
        Assert.False(missing.Watch.Changed.IsCompleted || data!.Watch.Changed.IsCompleted || children!.Watch.Changed.IsCompleted);

        await client.CreateAsync("/n/c");
        await client.SetDataAsync("/n", default, -1);
        await client.CreateAsync("/missing");

        await AssertReports(WatchEventType.NodeChildrenChanged, children!.Watch);
        await AssertReports(WatchEventType.NodeDataChanged, data!.Watch);
        await AssertReports(WatchEventType.NodeCreated, missing.Watch);
    }

    [Fact]
    public async Task Changes_missed_while_away_are_reported_on_return()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy);
        await using var client = new ZooKeeperClient(options);
        await client.CreateAsync("/set");
        await client.CreateAsync("/parent");
        await client.CreateAsync("/deleted");
        await client.CreateAsync("/untouched");
        Watched<NodeData>? set = await client.WatchDataAsync("/set");
        Watched<NodeChildren>? parent = await client.WatchChildrenAsync("/parent");
        Watched<NodeData>? deleted = await client.WatchDataAsync("/deleted");
        Watched<Stat?> created = await client.WatchExistsAsync("/created");
        Watched<NodeData>? untouched = await client.WatchDataAsync("/untouched");
        proxy.Refuse();
        await proxy.CutAsync(client);

        await using (var other = new ZooKeeperClient(options with { Servers = Direct(options) }))
        {
            await other.SetDataAsync("/set", default, -1);
            await other.CreateAsync("/parent/c");
            await other.DeleteAsync("/deleted");
            await other.CreateAsync("/created");
        }

        proxy.Admit();
        await AssertReports(WatchEventType.NodeDataChanged, set!.Watch);
        await AssertReports(WatchEventType.NodeChildrenChanged, parent!.Watch);
        await AssertReports(WatchEventType.NodeDeleted, deleted!.Watch);
        await AssertReports(WatchEventType.NodeCreated, created.Watch);
        Assert.False(untouched!.Watch.Changed.IsCompleted);
    }

    [Fact]
    public async Task P6_More_watches_than_fit_a_frame_are_registered_in_batches_before_any_request()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        string prefix = "/" + new string('ä', 1000);
        await Task.WhenAll(Enumerable.Range(0, 700).Select(i => client.WatchExistsAsync($"{prefix}-{i}")));
        Watched<Stat?> last = await client.WatchExistsAsync("/last");

        await proxy.CutAsync(client);
        await client.CreateAsync("/last");

        await AssertReports(WatchEventType.NodeCreated, last.Watch);
        ProxiedRequest[] again = [.. proxy.Requests.Where(request => request.Connection == 2)];
        ProxiedRequest[] batches = [.. again.Where(request => request.Kind == RequestKind.SetWatches)];
        Assert.InRange(batches.Length, 11, 20);
        Assert.All(batches, batch => Assert.InRange(batch.Bytes, 1, 128 * 1024));
        Assert.Equal(batches, again.Take(batches.Length));
    }

    [Fact]
    public async Task P6_Thousands_of_watches_of_every_kind_are_registered_in_batches_and_all_of_them_report()
    {
        const int each = 600;
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        string[] names = [.. Enumerable.Range(0, each).Select(i => new string('x', 500) + i)];
        string[] kinds = ["/missing", "/data", "/child", "/node", "/tree"];
        await Task.WhenAll(kinds.Select(kind => client.CreateAsync(kind)));
        await Task.WhenAll(kinds[1..].SelectMany(kind => names.Select(name => client.CreateAsync($"{kind}/{name}"))));
        Watched<Stat?>[] missing = await Task.WhenAll(names.Select(name => client.WatchExistsAsync($"/missing/{name}")));
        Watched<NodeData>?[] data = await Task.WhenAll(names.Select(name => client.WatchDataAsync($"/data/{name}")));
        Watched<NodeChildren>?[] child = await Task.WhenAll(names.Select(name => client.WatchChildrenAsync($"/child/{name}")));
        PersistentWatch[] node = await Task.WhenAll(names.Select(name => client.AddWatchAsync($"/node/{name}", WatchScope.Node)));
        PersistentWatch[] tree = await Task.WhenAll(names.Select(name => client.AddWatchAsync($"/tree/{name}", WatchScope.Subtree)));

        await proxy.CutAsync(client);
        await client.SyncAsync("/");
        await Task.WhenAll(names.Select(name => client.CreateAsync($"/missing/{name}")));
        await Task.WhenAll(names.Select(name => client.SetDataAsync($"/data/{name}", default, -1)));
        await Task.WhenAll(names.Select(name => client.CreateAsync($"/child/{name}/c")));
        await Task.WhenAll(names.Select(name => client.SetDataAsync($"/node/{name}", default, -1)));
        await Task.WhenAll(names.Select(name => client.CreateAsync($"/tree/{name}/c")));

        await Task.WhenAll(missing.Select(watched => AssertReports(WatchEventType.NodeCreated, watched.Watch)));
        await Task.WhenAll(data.Select(watched => AssertReports(WatchEventType.NodeDataChanged, watched!.Watch)));
        await Task.WhenAll(child.Select(watched => AssertReports(WatchEventType.NodeChildrenChanged, watched!.Watch)));
        await Task.WhenAll(node.Select(watch => AssertReportsAfterTheGap(watch, WatchEventType.NodeDataChanged, watch.Path)));
        await Task.WhenAll(tree.Select(watch => AssertReportsAfterTheGap(watch, WatchEventType.NodeCreated, $"{watch.Path}/c")));
        ProxiedRequest[] again = [.. proxy.Requests.Where(request => request.Connection == 2)];
        ProxiedRequest[] batches = [.. again.Where(request => request.Kind == RequestKind.SetWatches2)];
        Assert.InRange(batches.Length, 12, 24);
        Assert.All(batches, batch => Assert.InRange(batch.Bytes, 1, 128 * 1024));
        Assert.Equal(batches, again.Take(batches.Length));
    }

    [Fact]
    public async Task A_watch_that_was_given_up_is_not_registered_again()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        Watched<Stat?> watched = await client.WatchExistsAsync("/n");
        watched.Watch.Dispose();

        await proxy.CutAsync(client);
        await client.SyncAsync("/");

        Assert.DoesNotContain(proxy.Requests, request => request.Kind == RequestKind.SetWatches);
    }

    [Fact]
    public async Task A_read_whose_reply_was_lost_leaves_no_watch()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        _ = proxy.DropNextReply(RequestKind.Exists);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.WatchExistsAsync("/n"));
        await client.SyncAsync("/");

        Assert.DoesNotContain(proxy.Requests, request => request.Kind == RequestKind.SetWatches);
    }

    private ConnectString Direct(ZooKeeperOptions options) => ConnectString.Parse(zookeeper.Server.ConnectString + options.Servers.Chroot);

    private static async Task AssertReportsAfterTheGap(PersistentWatch watch, WatchEventType type, string path)
    {
        await using var events = new EventReader(watch);
        await events.ExpectAsync((WatchEventType.Gap, watch.Path), (type, path));
    }

    private static async Task AssertReports(WatchEventType expected, Watch watch)
    {
        WatchEvent seen = await Eventually.CompletesAsync($"the watch on {watch.Path} reports {expected}", watch.Changed);
        Assert.Equal(expected, seen.Type);
    }
}
