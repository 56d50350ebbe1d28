using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>
/// One-shot and persistent watches of one path, of which servers from 3.6 to 3.8 keep only the last mode (ZOOKEEPER-4466): whichever
/// came first, neither silences the other, also after a reconnect.
/// </summary>
[Collection(SharedZooKeeper.Name)]
public sealed class WatchModeTests(ZooKeeperFixture zookeeper)
{
    [Theory]
    [InlineData(WatchScope.Node, false)]
    [InlineData(WatchScope.Node, true)]
    [InlineData(WatchScope.Subtree, false)]
    [InlineData(WatchScope.Subtree, true)]
    public async Task One_shot_watches_set_after_a_persistent_one_fire_and_it_goes_on(WatchScope scope, bool reconnect)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/n");
        await using PersistentWatch persistent = await client.AddWatchAsync("/n", scope);
        await using var events = new EventReader(persistent);
        Watch data = (await client.WatchDataAsync("/n"))!.Watch;
        Watch exists = (await client.WatchExistsAsync("/n")).Watch;
        Watch children = (await client.WatchChildrenAsync("/n"))!.Watch;
        Watch missing = (await client.WatchExistsAsync("/n/c")).Watch;
        if (reconnect)
        {
            await proxy.CutAsync(client);
            await events.ExpectAsync((WatchEventType.Gap, "/n"));
        }

        await client.SetDataAsync("/n", default, -1);
        await client.CreateAsync("/n/c");
        await client.SetDataAsync("/n", default, -1);
        await client.DeleteAsync("/n/c");
        await client.DeleteAsync("/n");

        await AssertFires(WatchEventType.NodeDataChanged, data);
        await AssertFires(WatchEventType.NodeDataChanged, exists);
        await AssertFires(WatchEventType.NodeChildrenChanged, children);
        await AssertFires(WatchEventType.NodeCreated, missing);
        await ExpectAllAsync(events, scope);
    }

    [Theory]
    [InlineData(WatchScope.Node, false)]
    [InlineData(WatchScope.Node, true)]
    [InlineData(WatchScope.Subtree, false)]
    [InlineData(WatchScope.Subtree, true)]
    public async Task One_shot_watches_set_before_a_persistent_one_fire_and_it_goes_on(WatchScope scope, bool reconnect)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/n");
        Watch data = (await client.WatchDataAsync("/n"))!.Watch;
        Watch children = (await client.WatchChildrenAsync("/n"))!.Watch;
        await using PersistentWatch persistent = await client.AddWatchAsync("/n", scope);
        await using var events = new EventReader(persistent);
        if (reconnect)
        {
            await proxy.CutAsync(client);
            await events.ExpectAsync((WatchEventType.Gap, "/n"));
        }

        await client.SetDataAsync("/n", default, -1);
        await client.CreateAsync("/n/c");
        await client.SetDataAsync("/n", default, -1);
        await client.DeleteAsync("/n/c");
        await client.DeleteAsync("/n");

        await AssertFires(WatchEventType.NodeDataChanged, data);
        await AssertFires(WatchEventType.NodeChildrenChanged, children);
        await ExpectAllAsync(events, scope);
    }

    [Fact]
    public async Task A_read_that_relied_on_a_persistent_watch_which_was_refused_is_told_to_look_again()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/n");
        _ = proxy.RewriteNextReply(Throttled, RequestKind.AddWatch);
        proxy.Stall(ProxyDirections.ToClient);
        Task<PersistentWatch> refused = client.AddWatchAsync("/n", WatchScope.Node);
        Task<Watched<NodeData>?> read = client.WatchDataAsync("/n");
        await Eventually.TrueAsync("both are on their way", () => proxy.Requests.Any(request => request.Kind == RequestKind.GetData));
        proxy.Resume();

        await Refused.WithAsync(ErrorCode.ThrottledOp, "/n", refused);
        await AssertFires(WatchEventType.NodeDataChanged, (await read)!.Watch);
    }

    [Fact]
    public async Task A_read_that_relied_on_a_persistent_watch_which_is_removed_meanwhile_is_told_to_look_again()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/n");
        PersistentWatch persistent = await client.AddWatchAsync("/n", WatchScope.Node);
        proxy.Stall(ProxyDirections.ToClient);
        Task<Watched<NodeData>?> read = client.WatchDataAsync("/n");
        Task removed = persistent.RemoveAsync();
        await Eventually.TrueAsync("both are on their way", () => proxy.Requests.Any(request => request.Kind == RequestKind.RemoveWatches));
        proxy.Resume();

        await removed;
        await AssertFires(WatchEventType.NodeDataChanged, (await read)!.Watch);
    }

    private static byte[] Throttled(byte[] reply) => [.. reply[..12], 0xff, 0xff, 0xff, 0x81];

    private static Task ExpectAllAsync(EventReader events, WatchScope scope) => scope == WatchScope.Node
        ? events.ExpectAsync(
            (WatchEventType.NodeDataChanged, "/n"),
            (WatchEventType.NodeChildrenChanged, "/n"),
            (WatchEventType.NodeDataChanged, "/n"),
            (WatchEventType.NodeChildrenChanged, "/n"),
            (WatchEventType.NodeDeleted, "/n"))
        : events.ExpectAsync(
            (WatchEventType.NodeDataChanged, "/n"),
            (WatchEventType.NodeCreated, "/n/c"),
            (WatchEventType.NodeDataChanged, "/n"),
            (WatchEventType.NodeDeleted, "/n/c"),
            (WatchEventType.NodeDeleted, "/n"));

    private static async Task AssertFires(WatchEventType expected, Watch watch) =>
        Assert.Equal(expected, (await Eventually.CompletesAsync($"the watch on {watch.Path} fires", watch.Changed)).Type);
}
