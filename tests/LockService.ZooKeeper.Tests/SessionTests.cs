using System.Buffers.Binary;
using LockService.Testing;
using LockService.ZooKeeper.Tests.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>One session over several connections: kept, moved, ended.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class SessionTests(ZooKeeperFixture zookeeper)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_session_and_its_ephemeral_nodes_survive_a_cut(bool reset)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        long session = client.SessionId;

        await proxy.CutAsync(client, reset);

        Stat? stat = await client.ExistsAsync("/e");
        Assert.Equal(session, stat?.EphemeralOwner);
        Assert.Equal([0, session], proxy.Connects.Select(connect => connect.SessionId));
    }

    [Fact]
    public async Task A_session_moves_to_another_server_when_its_own_is_gone()
    {
        using ZooKeeperProxy first = zookeeper.NewProxy();
        using ZooKeeperProxy second = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(first, second));
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        long session = client.SessionId;
        (ZooKeeperProxy used, ZooKeeperProxy other) = first.Connects.Count > 0 ? (first, second) : (second, first);
        used.Refuse();

        await used.CutAsync(client);

        Assert.Equal(session, (await client.ExistsAsync("/e"))?.EphemeralOwner);
        Assert.Equal([session], other.Connects.Select(connect => connect.SessionId));
    }

    [Fact]
    public async Task P1_The_numbers_of_requests_rise_over_the_whole_session()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        for (int round = 0; round < 4; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => client.ExistsAsync("/")));
            await proxy.CutAsync(client);
        }

        await client.ExistsAsync("/");

        int[] xids = [.. proxy.Requests.Where(request => request.Kind == RequestKind.Exists).Select(request => request.Xid)];
        Assert.True(xids.Length >= 41, $"{xids.Length} requests");
        Assert.Equal(xids.Order().Distinct(), xids);
        Assert.True(proxy.Connects.Count >= 5, "every round has a connection of its own");
    }

    [Fact]
    public async Task P2_The_newest_zxid_of_replies_is_sent_on_reconnect()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        Stat? created = (await client.CreateAsync("/n")).Stat;
        Assert.Equal(created?.CreatedZxid, proxy.HighestReplyZxid);

        await proxy.CutAsync(client);
        await client.SyncAsync("/");

        Assert.Equal([0, created!.Value.CreatedZxid], proxy.Connects.Select(connect => connect.LastZxidSeen));
    }

    [Fact]
    public async Task P2_The_zxid_of_a_notification_is_not_sent_on_reconnect()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(proxy.ConnectString) });
        Watched<Stat?> watched = await client.WatchExistsAsync("/zxid-of-a-notification");
        long seen = proxy.HighestReplyZxid;

        // As servers from 3.9.0 on send them: with the zxid of the change, here far ahead of every reply.
        byte[] path = "/zxid-of-a-notification"u8.ToArray();
        byte[] frame = [.. TestVectorTests.Hex("00000000 ffffffff 7000000000000000 00000000 00000001 00000003 00000017"), .. path];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length - sizeof(int));
        proxy.Inject(frame);
        await Eventually.CompletesAsync("the watch reports", watched.Watch.Changed);
        await proxy.CutAsync(client);
        await Eventually.CompletesAsync("the session goes on", client.SyncAsync("/"));

        Assert.Equal([0, seen], proxy.Connects.Select(connect => connect.LastZxidSeen));
    }

    [Fact]
    public async Task P3_A_server_that_answers_with_another_session_has_lost_ours()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.SyncAsync("/");
        _ = proxy.RewriteNextConnectResponse(response =>
        {
            BinaryPrimitives.WriteInt64BigEndian(response.AsSpan(8), 4711);
            return response;
        });

        await proxy.CutAsync(client);

        await Eventually.TrueAsync("the session has expired", () => client.Status.End == SessionEnd.Expired);
        Assert.NotEqual(4711, client.SessionId);
    }

    [Fact]
    public async Task P4_SessionMoved_in_a_reply_refuses_the_request_and_reconnects()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.SyncAsync("/");
        _ = proxy.RewriteNextReply(WithError(ErrorCode.SessionMoved), RequestKind.Create2);

        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => client.CreateAsync("/n"));

        Assert.Equal(ErrorCode.SessionMoved, refused.Code);
        await Eventually.TrueAsync("the client has reconnected", () => proxy.Connects.Count == 2);
        await client.SyncAsync("/");
    }

    [Fact]
    public async Task P4_SessionMoved_inside_a_transaction_reconnects_too()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.SyncAsync("/");
        // Header without an error, one part of type -1 with code -118, the end.
        byte[] body = TestVectorTests.Hex("ffffffff 00 ffffff8a ffffff8a ffffffff 01 ffffffff");
        _ = proxy.RewriteNextReply(reply => [.. reply[..16], .. body], RequestKind.Multi);

        TransactionResult result = await client.CommitAsync(new Transaction().Delete("/n"));

        Assert.Equal(ErrorCode.SessionMoved, result.Error);
        await Eventually.TrueAsync("the client has reconnected", () => proxy.Connects.Count == 2);
        await client.SyncAsync("/");
    }

    [Fact]
    public async Task A_reply_that_says_expired_ends_the_session()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.SyncAsync("/");
        _ = proxy.RewriteNextReply(WithError(ErrorCode.SessionExpired));

        await Assert.ThrowsAsync<RequestRefusedException>(() => client.ExistsAsync("/"));

        await Eventually.TrueAsync("the session has expired", () => client.Status.End == SessionEnd.Expired);
    }

    [Fact]
    public async Task P12_A_refused_authentication_ends_the_session_for_good()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.SyncAsync("/");
        _ = proxy.RewriteNextReply(WithError(ErrorCode.SessionClosedRequireSaslAuth));

        await Assert.ThrowsAsync<RequestRefusedException>(() => client.ExistsAsync("/"));

        await Eventually.TrueAsync("the session has ended", () => client.Status.End == SessionEnd.AuthenticationFailed);
        Assert.Single(proxy.Connects);
    }

    [Fact]
    public async Task An_expired_session_refuses_what_waits_and_what_comes_later()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        proxy.Refuse();
        await proxy.CutAsync(client);
        Task<Stat?> waiting = client.ExistsAsync("/e");
        await zookeeper.Server.KillSessionAsync(client);

        proxy.Admit();

        SessionEndedException ended = await Assert.ThrowsAsync<SessionEndedException>(() => waiting);
        Assert.Equal(SessionEnd.Expired, ended.End);
        Assert.Equal(RequestOutcome.NotSent, ended.Outcome);
        await Assert.ThrowsAsync<SessionEndedException>(() => client.ExistsAsync("/e"));
        await Assert.ThrowsAsync<SessionEndedException>(() => client.WhenConnectedAsync());
    }

    [Fact]
    public async Task Following_the_status_shows_every_phase_of_a_session()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        SessionStatus first = client.Status;
        await client.SyncAsync("/");
        await proxy.CutAsync(client);
        await Eventually.TrueAsync("the session is resumed", () => proxy.Connects.Count == 2);
        await client.SyncAsync("/");
        await client.DisposeAsync();

        var states = new List<SessionState>();
        for (SessionStatus? status = first; status is not null; status = status.Next.IsCompleted ? await status.Next : null)
        {
            states.Add(status.State);
        }

        Assert.Equal(SessionState.Ended, states[^1]);
        Assert.Equal(2, states.Count(state => state == SessionState.Connected));
    }

    [Fact]
    public async Task The_server_clamps_the_timeout_and_the_client_takes_over_what_it_got()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync() with { SessionTimeout = TimeSpan.FromMinutes(5) });
        await client.WhenConnectedAsync();

        Assert.Equal(TimeSpan.FromSeconds(60), client.SessionTimeout);
    }

    private static Func<byte[], byte[]> WithError(ErrorCode code) => reply =>
    {
        BinaryPrimitives.WriteInt32BigEndian(reply.AsSpan(12), (int)code);
        return reply[..16];
    };
}
