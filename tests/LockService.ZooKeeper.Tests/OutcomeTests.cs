using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>What a caller is told when the connection breaks: never more than is known, and nothing is ever sent twice.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class OutcomeTests(ZooKeeperFixture zookeeper)
{
    [Theory]
    [MemberData(nameof(EveryRequest.Kinds), MemberType = typeof(EveryRequest))]
    public async Task P5_A_lost_reply_leaves_the_outcome_unknown_and_the_request_done_once(RequestKind kind)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/there");
        Task dropped = proxy.DropNextReply(kind);

        OutcomeUnknownException unknown = await Assert.ThrowsAsync<OutcomeUnknownException>(() => EveryRequest.SendAsync(client, kind));

        Assert.Equal(RequestOutcome.Unknown, unknown.Outcome);
        await dropped;
        await client.SyncAsync("/there");
        Assert.Single(proxy.Requests, request => request.Kind == kind && (kind != RequestKind.Create2 || request.Xid > 1) && (kind != RequestKind.Sync || request.Connection == 1));
        await EveryRequest.AssertDoneAsync(client, kind, done: true);
        Assert.False(await client.HasWatchAsync("/there"));
    }

    [Theory]
    [MemberData(nameof(EveryRequest.Kinds), MemberType = typeof(EveryRequest))]
    public async Task P5_A_request_cut_off_before_the_server_is_never_reported_as_done(RequestKind kind)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/there");
        Task cut = proxy.CutBeforeForwarding(kind);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => EveryRequest.SendAsync(client, kind));

        await cut;
        await EveryRequest.AssertDoneAsync(client, kind, done: false);
        Assert.False(await client.HasWatchAsync("/there"));
    }

    [Fact]
    public async Task P5_Of_many_requests_in_flight_the_answered_ones_are_done_and_the_others_unknown()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        _ = proxy.DropNextReply(request => request.Xid == 50);

        Task<CreatedNode>[] creations = [.. Enumerable.Range(1, 100).Select(i => client.CreateAsync($"/n{i}"))];
        await Task.WhenAll(creations.Select(creation => creation.ContinueWith(_ => { }, TaskScheduler.Default)));

        Assert.All(creations[..49], creation => Assert.True(creation.IsCompletedSuccessfully));
        Assert.All(creations.Where(creation => creation.IsFaulted), creation => Assert.IsType<OutcomeUnknownException>(creation.Exception?.InnerException));
        Assert.True(creations[49].IsFaulted);
        int[] created = [.. proxy.Requests.Where(request => request.Kind == RequestKind.Create2).Select(request => request.Xid)];
        Assert.Equal(created.Distinct().Count(), created.Length);
    }

    [Fact]
    public async Task P5_A_request_made_while_disconnected_waits_and_is_done_on_the_next_connection()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        proxy.Refuse();
        await proxy.CutAsync(client);

        Task<CreatedNode> waiting = client.CreateAsync("/n");
        Assert.False(waiting.IsCompleted);
        proxy.Admit();

        Assert.Equal("/n", (await Eventually.CompletesAsync("the request is done", waiting)).Path);
        Assert.Single(proxy.Requests, request => request.Kind == RequestKind.Create2);
    }

    [Fact]
    public async Task A_request_delivered_after_its_session_moved_on_has_one_effect_at_most()
    {
        using ZooKeeperProxy old = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(old) with { RequestTimeout = TimeSpan.FromMilliseconds(300) };
        await using var client = new ZooKeeperClient(options);
        await client.WhenConnectedAsync();
        old.Stall(ProxyDirections.ToServer);
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.CreateAsync("/n-", mode: CreateMode.PersistentSequential));

        old.Resume();
        await client.SyncAsync("/");

        NodeChildren? children = await client.GetChildrenAsync("/");
        Assert.InRange(children!.Names.Count, 0, 1);
    }

    [Fact]
    public async Task A_close_whose_reply_is_lost_still_ends_the_client()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy);
        var client = new ZooKeeperClient(options);
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        _ = proxy.DropNextReply(RequestKind.CloseSession);

        await Eventually.CompletesAsync("the client is disposed of", client.DisposeAsync().AsTask());

        await using var other = new ZooKeeperClient(options);
        Assert.Null(await other.ExistsAsync("/e"));
    }
}
