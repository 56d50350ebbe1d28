using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Every kind of request meets every fault of the network: see also <see cref="OutcomeTests"/> for lost replies and cut connections.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class FaultTests(ZooKeeperFixture zookeeper)
{
    [Theory]
    [MemberData(nameof(EveryRequest.Kinds), MemberType = typeof(EveryRequest))]
    public async Task N6_A_reset_in_the_middle_of_its_reply_leaves_a_request_unknown_and_done_once(RequestKind kind)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/there");
        long session = client.SessionId;
        Task reset = proxy.ResetInMidReply(kind);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => EveryRequest.SendAsync(client, kind));

        await reset;
        await EveryRequest.AssertDoneAsync(client, kind, done: true);
        Assert.Equal(session, client.SessionId);
    }

    [Fact]
    public async Task N5_Replies_of_every_kind_may_come_one_byte_at_a_time()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        IReadOnlyList<(RequestKind Kind, string Parent)> all = await EveryRequest.PrepareAsync(client);

        proxy.SliceBytes();
        await Task.WhenAll(all.Select(one => EveryRequest.AnsweredAsync(client, one.Kind, one.Parent)));

        await Task.WhenAll(all.Select(one => EveryRequest.AssertDoneAsync(client, one.Kind, done: true, one.Parent)));
        Assert.Single(proxy.Connects);
    }

    [Fact]
    public async Task N5_Replies_of_every_kind_may_come_in_one_segment()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy) with { SessionTimeout = TimeSpan.FromMinutes(1) });
        IReadOnlyList<(RequestKind Kind, string Parent)> all = await EveryRequest.PrepareAsync(client);

        // The removal of a watch is two requests, of which the second is answered by itself.
        all = [.. all.Where(one => one.Kind != RequestKind.RemoveWatches)];
        proxy.Coalesce(all.Count);
        await Eventually.CompletesAsync(
            "all are answered", Task.WhenAll(all.Select(one => EveryRequest.AnsweredAsync(client, one.Kind, one.Parent))));
        proxy.Coalesce(1);

        await Task.WhenAll(all.Select(one => EveryRequest.AssertDoneAsync(client, one.Kind, done: true, one.Parent)));
        Assert.Single(proxy.Connects);
    }

    [Theory]
    [InlineData(ProxyDirections.ToServer)]
    [InlineData(ProxyDirections.ToClient)]
    [InlineData(ProxyDirections.Both)]
    public async Task N4_A_black_hole_leaves_requests_of_every_kind_unknown_and_done_once_at_most(ProxyDirections directions)
    {
        using ZooKeeperProxy hole = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(hole) with { SessionTimeout = TimeSpan.FromSeconds(4) };
        await using var client = new ZooKeeperClient(options);
        IReadOnlyList<(RequestKind Kind, string Parent)> all = await EveryRequest.PrepareAsync(client);
        long session = client.SessionId;
        Task<SessionStatus> lost = client.Status.Next;

        hole.Stall(directions);
        Task[] requests = [.. all.Select(one => EveryRequest.SendAsync(client, one.Kind, one.Parent))];
        await Eventually.CompletesAsync("the silence is noticed", lost);
        hole.Resume();

        await Task.WhenAll(requests.Select(request => Assert.ThrowsAsync<OutcomeUnknownException>(() => request)));
        Stat? set = await Eventually.CompletesAsync("the session goes on", client.ExistsAsync($"/{RequestKind.SetData}/there"));
        Assert.Equal(session, client.SessionId);
        Assert.InRange(set!.Value.Version, 0, 1);
        if (directions == ProxyDirections.ToClient)
        {
            await Task.WhenAll(all.Select(one => EveryRequest.AssertDoneAsync(client, one.Kind, done: true, one.Parent)));
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task N1_Watches_whose_registration_is_lost_on_a_new_connection_are_registered_on_the_next(bool persistent, bool forwarded)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        Watched<Stat?> missing = await client.WatchExistsAsync("/n");
        RequestKind kind = RequestKind.SetWatches;
        if (persistent)
        {
            await client.AddWatchAsync("/m", WatchScope.Node);
            kind = RequestKind.SetWatches2;
        }

        Task struck = forwarded ? proxy.DropNextReply(kind) : proxy.CutBeforeForwarding(kind);
        await proxy.CutAsync(client);
        await Eventually.CompletesAsync("the registration is lost", struck);
        await Eventually.TrueAsync("another one follows", () => proxy.Requests.Count(request => request.Kind == kind) == 2);
        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
        await client.SyncAsync("/");
        await client.CreateAsync("/n");

        WatchEvent seen = await Eventually.CompletesAsync("the watch reports", missing.Watch.Changed);
        Assert.Equal(WatchEventType.NodeCreated, seen.Type);
    }
}
