using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Silence: how soon it is noticed, and that only silence is.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class LivenessTests(ZooKeeperFixture zookeeper)
{
    /// <summary>What a loaded machine may add to a limit.</summary>
    private static readonly TimeSpan s_slack = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(ProxyDirections.Both)]
    [InlineData(ProxyDirections.ToServer)]
    [InlineData(ProxyDirections.ToClient)]
    public async Task A_black_hole_is_left_for_another_server_after_two_thirds_of_the_session_timeout(ProxyDirections directions)
    {
        using ZooKeeperProxy first = zookeeper.NewProxy();
        using ZooKeeperProxy second = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(first, second) with { SessionTimeout = TimeSpan.FromSeconds(3) };
        await using var client = new ZooKeeperClient(options);
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        long session = client.SessionId;
        (ZooKeeperProxy used, ZooKeeperProxy other) = first.Connects.Count > 0 ? (first, second) : (second, first);
        long start = TimeProvider.System.GetTimestamp();

        used.Stall(directions);

        await Eventually.TrueAsync("the client has moved", () => other.Connects.Count == 1);
        TimeSpan took = TimeProvider.System.GetElapsedTime(start);
        Assert.True(took < TimeSpan.FromSeconds(2) + s_slack, $"noticed after {took}");
        Assert.Equal(session, (await client.ExistsAsync("/e"))?.EphemeralOwner);
    }

    [Fact]
    public async Task A_missing_reply_breaks_the_connection_although_pings_are_answered()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy) with
        {
            SessionTimeout = TimeSpan.FromSeconds(1),
            RequestTimeout = TimeSpan.FromSeconds(2),
        };
        await using var client = new ZooKeeperClient(options);
        await client.WhenConnectedAsync();
        _ = proxy.SwallowNextReply(RequestKind.Create2);

        OutcomeUnknownException unknown = await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.CreateAsync("/n"));

        Assert.Contains("unanswered", unknown.Message, StringComparison.Ordinal);
        Assert.True(proxy.Requests.Count(request => request.Kind == RequestKind.Ping) >= 3, "pings went on");
        Assert.NotNull(await client.ExistsAsync("/n"));
    }

    [Fact]
    public async Task An_idle_session_is_kept_by_pings_alone()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy) with { SessionTimeout = TimeSpan.FromSeconds(4) });
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);

        await Eventually.TrueAsync(
            "pings of two session timeouts have passed", () => proxy.Requests.Count(request => request.Kind == RequestKind.Ping) >= 6);

        Assert.NotNull(await client.ExistsAsync("/e"));
        Assert.Single(proxy.Connects);
    }

    [Fact]
    public async Task The_time_until_which_the_session_is_certain_counts_from_what_was_sent_and_stops_in_a_black_hole()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy) with { SessionTimeout = TimeSpan.FromSeconds(6) };
        await using var client = new ZooKeeperClient(options);
        long before = TimeProvider.System.GetTimestamp();
        await client.SyncAsync("/");
        TimeSpan certain = TimeProvider.System.GetElapsedTime(before, client.AliveUntil);
        Assert.InRange(certain, client.SessionTimeout, client.SessionTimeout + TimeProvider.System.GetElapsedTime(before));
        await Eventually.TrueAsync(
            "a ping moves it", () => TimeProvider.System.GetElapsedTime(before, client.AliveUntil) > client.SessionTimeout + s_slack);

        proxy.Stall(ProxyDirections.ToClient);
        long stalled = TimeProvider.System.GetTimestamp();
        Task<SessionStatus> next = client.Status.Next;
        Task waiting = client.SyncAsync("/");
        SessionStatus lost = await Eventually.CompletesAsync("the silence is noticed", next);

        Assert.True(TimeProvider.System.GetElapsedTime(stalled, client.AliveUntil) <= client.SessionTimeout, "what is unanswered proves nothing");
        Assert.True(TimeProvider.System.GetElapsedTime(lost.Since) > client.SessionTimeout / 3, "what was unanswered counts");
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => waiting);
    }

    [Fact]
    public async Task A_cut_of_an_idle_connection_was_no_silence()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.SyncAsync("/");
        Task<SessionStatus> next = client.Status.Next;

        long cut = TimeProvider.System.GetTimestamp();
        proxy.Cut();

        SessionStatus lost = await Eventually.CompletesAsync("the cut is noticed", next);
        Assert.True(lost.Since >= cut, "only what is unanswered counts");
    }

    [Fact]
    public async Task A_frozen_server_loses_its_client_but_not_the_session()
    {
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync();
        var options = new ZooKeeperOptions { Servers = ConnectString.Parse(server.ConnectString), SessionTimeout = TimeSpan.FromSeconds(4) };
        await using var client = new ZooKeeperClient(options);
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        long session = client.SessionId;

        await server.FreezeAsync();
        await Eventually.TrueAsync("the silence is noticed", () => client.Status.State == SessionState.Connecting);
        await server.ThawAsync();

        Assert.Equal(session, (await client.ExistsAsync("/e"))?.EphemeralOwner);
    }

    [Fact]
    public async Task P8_A_continuation_that_blocks_stops_neither_replies_nor_watches()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        using var release = new ManualResetEventSlim();
        Watched<Stat?> watched = await client.WatchExistsAsync("/n");
        // Both continuations have to be there before the reply: one that comes later is run by whoever attaches it, which is this test.
        proxy.Stall(ProxyDirections.ToClient);
        Task created = client.CreateAsync("/n");
        Task blockedWatch = BlockedBy(watched.Watch.Changed);
        Task blockedReply = BlockedBy(created);
        Assert.False(created.IsCompleted);
        proxy.Resume();

        try
        {
            Watched<Stat?> other = await Eventually.CompletesAsync("the next reply is read", client.WatchExistsAsync("/other"));
            await Eventually.CompletesAsync("another request is answered", client.CreateAsync("/other"));
            await Eventually.CompletesAsync("the other watch reports", other.Watch.Changed);
            Assert.False(blockedWatch.IsCompleted || blockedReply.IsCompleted, "both are still blocked");
        }
        finally
        {
            release.Set();
        }

        await Task.WhenAll(blockedWatch, blockedReply);

        Task BlockedBy(Task task) => task.ContinueWith(
            _ => release.Wait(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }
}
