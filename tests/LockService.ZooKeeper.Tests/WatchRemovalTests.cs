using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>The server keeps one entry for a connection and path: it may go only with the last watch that needs it.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class WatchRemovalTests(ZooKeeperFixture zookeeper)
{
    [Theory]
    [InlineData(WatcherType.Data)]
    [InlineData(WatcherType.Children)]
    public async Task The_last_one_shot_watch_of_its_kind_takes_the_servers_entry_with_it(WatcherType type)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");
        Watch first = await SetAsync(client, type);
        Watch second = await SetAsync(client, type);
        WatcherType other = type == WatcherType.Data ? WatcherType.Children : WatcherType.Data;
        await SetAsync(client, other);

        await first.RemoveAsync();
        Assert.True(await client.HasWatchAsync("/n", type));
        await second.RemoveAsync();

        Assert.False(await client.HasWatchAsync("/n", type));
        Assert.True(await client.HasWatchAsync("/n", other));
        Assert.True(await client.HasWatchAsync("/n"));
    }

    [Fact]
    public async Task A_watch_for_a_creation_counts_as_one_of_the_data()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Watched<Stat?> missing = await client.WatchExistsAsync("/n");
        Assert.True(await client.HasWatchAsync("/n", WatcherType.Data));

        await missing.Watch.RemoveAsync();

        Assert.False(await client.HasWatchAsync("/n"));
        await client.CreateAsync("/n");
        Assert.False(missing.Watch.Changed.IsCompleted);
    }

    [Fact]
    public async Task A_watch_that_has_fired_or_was_removed_is_not_asked_for_again()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        Watched<Stat?> fired = await client.WatchExistsAsync("/n");
        Watched<Stat?> removed = await client.WatchExistsAsync("/m");
        await client.CreateAsync("/n");
        await Eventually.CompletesAsync("the watch fires", fired.Watch.Changed);

        await fired.Watch.RemoveAsync();
        await removed.Watch.RemoveAsync();
        await removed.Watch.RemoveAsync();

        Assert.Single(proxy.Requests, request => request.Kind == RequestKind.RemoveWatches);
    }

    [Theory]
    [InlineData(WatchScope.Node)]
    [InlineData(WatchScope.Subtree)]
    public async Task The_last_persistent_watch_of_a_path_takes_the_servers_entry_with_it(WatchScope scope)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        PersistentWatch first = await client.AddWatchAsync("/n", scope);
        PersistentWatch second = await client.AddWatchAsync("/n", scope);
        await using var events = new EventReader(second);

        await first.RemoveAsync();
        await client.CreateAsync("/n");
        await events.ExpectAsync((WatchEventType.NodeCreated, "/n"));
        await second.RemoveAsync();

        Assert.False(await client.HasWatchAsync("/n"));
        await events.ExpectEndAsync();
        await second.RemoveAsync();
    }

    [Theory]
    [InlineData(WatchScope.Node)]
    [InlineData(WatchScope.Subtree)]
    public async Task Removing_a_one_shot_watch_leaves_the_persistent_one_of_its_path(WatchScope scope)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");
        Watch before = (await client.WatchDataAsync("/n"))!.Watch;
        await using PersistentWatch persistent = await client.AddWatchAsync("/n", scope);
        await using var events = new EventReader(persistent);
        Watch after = (await client.WatchDataAsync("/n"))!.Watch;
        Watch children = (await client.WatchChildrenAsync("/n"))!.Watch;

        await before.RemoveAsync();
        await after.RemoveAsync();
        await children.RemoveAsync();
        await client.SetDataAsync("/n", default, -1);

        await events.ExpectAsync((WatchEventType.NodeDataChanged, "/n"));
    }

    [Fact]
    public async Task Removing_a_persistent_watch_leaves_the_one_shot_ones_of_its_path()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");
        PersistentWatch persistent = await client.AddWatchAsync("/n", WatchScope.Node);
        Watch data = (await client.WatchDataAsync("/n"))!.Watch;
        Watch children = (await client.WatchChildrenAsync("/n"))!.Watch;

        await persistent.RemoveAsync();
        await client.CreateAsync("/n/c");
        await client.SetDataAsync("/n", default, -1);

        Assert.Equal(WatchEventType.NodeChildrenChanged, (await Eventually.CompletesAsync("the children's watch fires", children.Changed)).Type);
        Assert.Equal(WatchEventType.NodeDataChanged, (await Eventually.CompletesAsync("the data's watch fires", data.Changed)).Type);
    }

    [Theory]
    [InlineData(WatcherType.Persistent)]
    [InlineData(WatcherType.PersistentRecursive)]
    public async Task A_server_before_3_9_does_not_know_the_types_of_persistent_watches(WatcherType type)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        await Refused.WithAsync(ErrorCode.MarshallingError, "/n", client.HasWatchAsync("/n", type));
    }

    [Fact]
    public async Task A_removal_cut_off_with_its_connection_leaves_nothing_behind()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        PersistentWatch watch = await client.AddWatchAsync("/n", WatchScope.Node);
        _ = proxy.CutBeforeForwarding(RequestKind.RemoveWatches);

        await watch.DisposeAsync();

        Assert.False(await client.HasWatchAsync("/n"));
    }

    private static async Task<Watch> SetAsync(ZooKeeperClient client, WatcherType type) => type == WatcherType.Data
        ? (await client.WatchDataAsync("/n"))!.Watch
        : (await client.WatchChildrenAsync("/n"))!.Watch;
}
