using LockService.Testing;
using LockService.ZooKeeper.Tests.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class WatchTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task A_watch_on_a_missing_node_reports_its_creation_under_the_callers_path()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Watched<Stat?> missing = await client.WatchExistsAsync("/n");

        await client.CreateAsync("/n");

        Assert.Null(missing.Value);
        await AssertReports(new WatchEvent(WatchEventType.NodeCreated, "/n"), missing.Watch);
    }

    [Fact]
    public async Task A_watch_on_the_data_reports_that_it_was_set()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");
        Watched<NodeData>? read = await client.WatchDataAsync("/n");
        Watched<Stat?> exists = await client.WatchExistsAsync("/n");

        await client.SetDataAsync("/n", "x"u8.ToArray(), -1);

        await AssertReports(new WatchEvent(WatchEventType.NodeDataChanged, "/n"), read!.Watch);
        await AssertReports(new WatchEvent(WatchEventType.NodeDataChanged, "/n"), exists.Watch);
    }

    [Fact]
    public async Task A_watch_on_the_children_reports_creations_and_deletions_among_them()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/p");

        Watched<NodeChildren>? empty = await client.WatchChildrenAsync("/p");
        await client.CreateAsync("/p/c");
        await AssertReports(new WatchEvent(WatchEventType.NodeChildrenChanged, "/p"), empty!.Watch);

        Watched<NodeChildren>? one = await client.WatchChildrenAsync("/p");
        await client.DeleteAsync("/p/c");
        await AssertReports(new WatchEvent(WatchEventType.NodeChildrenChanged, "/p"), one!.Watch);
    }

    [Fact]
    public async Task A_deletion_is_reported_to_every_kind_of_watch()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");
        Watch[] watches =
        [
            (await client.WatchExistsAsync("/n")).Watch,
            (await client.WatchDataAsync("/n"))!.Watch,
            (await client.WatchChildrenAsync("/n"))!.Watch,
        ];

        await client.DeleteAsync("/n");

        foreach (Watch watch in watches)
        {
            await AssertReports(new WatchEvent(WatchEventType.NodeDeleted, "/n"), watch);
        }
    }

    [Fact]
    public async Task Several_watches_on_one_path_are_all_told()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Watched<Stat?>[] watched = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.WatchExistsAsync("/n")));

        await client.CreateAsync("/n");

        foreach (Watched<Stat?> one in watched)
        {
            await AssertReports(new WatchEvent(WatchEventType.NodeCreated, "/n"), one.Watch);
        }
    }

    [Fact]
    public async Task A_disposed_watch_reports_nothing_and_disturbs_no_other()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Watched<Stat?> given = await client.WatchExistsAsync("/n");
        Watched<Stat?> kept = await client.WatchExistsAsync("/n");

        given.Watch.Dispose();
        await client.CreateAsync("/n");

        await AssertReports(new WatchEvent(WatchEventType.NodeCreated, "/n"), kept.Watch);
        Assert.False(given.Watch.Changed.IsCompleted);
    }

    [Fact]
    public async Task P13_A_notification_that_nobody_waits_for_is_ignored()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        using (Watch watch = (await client.WatchExistsAsync("/n")).Watch)
        {
            // Forgotten on this side only: the server still reports the creation.
        }

        await client.CreateAsync("/n");

        Assert.NotNull(await client.ExistsAsync("/n"));
        Assert.Equal(SessionState.Connected, client.Status.State);
    }

    [Fact]
    public async Task P13_A_watch_whose_read_was_cancelled_leaves_nothing_behind()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        using var cancellation = new CancellationTokenSource();
        proxy.Stall(ProxyDirections.ToClient);
        Task<Watched<Stat?>> abandoned = client.WatchExistsAsync("/n", cancellation.Token);
        await Eventually.TrueAsync("the request has left", () => proxy.Requests.Any(request => request.Kind == RequestKind.Exists));
        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<RequestAbandonedException>(() => abandoned);
        proxy.Resume();

        Watched<Stat?> wanted = await client.WatchExistsAsync("/m");
        await client.CreateAsync("/m");
        await AssertReports(new WatchEvent(WatchEventType.NodeCreated, "/m"), wanted.Watch);
        await proxy.CutAsync(client);
        await client.SyncAsync("/");

        Assert.DoesNotContain(proxy.Requests, request => request.Kind == RequestKind.SetWatches);
    }

    [Fact]
    public async Task P13_A_notification_of_a_kind_nobody_knows_is_logged_and_the_connection_goes_on()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        var log = new RecordingLogger<ZooKeeperClient>();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy), log);
        await client.CreateAsync("/n");

        proxy.Inject(TestVectorTests.Hex("0000001e ffffffff ffffffffffffffff 00000000 00000063 00000003 00000002 2f61"));

        Assert.NotNull(await client.ExistsAsync("/n"));
        Assert.Single(proxy.Connects);
        Assert.Contains(log.Lines, line => line.Text.Contains("99", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_notification_as_captured_from_a_server_completes_the_watch()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(proxy.ConnectString) });
        Watched<Stat?> watched = await client.WatchExistsAsync("/a");

        proxy.Inject(TestVectorTests.Hex("0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 00000002 2f61"));

        await AssertReports(new WatchEvent(WatchEventType.NodeDataChanged, "/a"), watched.Watch);
    }

    [Fact]
    public async Task The_end_of_the_session_completes_every_watch()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Watched<Stat?> watched = await client.WatchExistsAsync("/n");

        await zookeeper.Server.KillSessionAsync(client);

        await AssertReports(new WatchEvent(WatchEventType.SessionEnded, "/n"), watched.Watch);
    }

    private static async Task AssertReports(WatchEvent expected, Watch watch) =>
        Assert.Equal(expected, await Eventually.CompletesAsync($"the watch on {watch.Path} reports", watch.Changed));
}
