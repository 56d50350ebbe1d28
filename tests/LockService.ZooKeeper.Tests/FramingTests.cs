using LockService.Testing;
using LockService.ZooKeeper.Tests.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Bytes that arrive in other pieces than they were sent, or should never have arrived.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class FramingTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task Replies_may_come_one_byte_at_a_time()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        proxy.SliceBytes();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));

        for (int i = 0; i < 20; i++)
        {
            await client.CreateAsync($"/n{i}", new byte[i]);
        }

        Assert.Equal(20, (await client.GetChildrenAsync("/"))?.Names.Count);
        Assert.Single(proxy.Connects);
    }

    [Fact]
    public async Task A_hundred_replies_may_come_in_one_segment()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy) with { SessionTimeout = TimeSpan.FromMinutes(1) });
        await client.WhenConnectedAsync();
        proxy.Coalesce(100);

        CreatedNode[] created = await Eventually.CompletesAsync(
            "all replies are read", Task.WhenAll(Enumerable.Range(0, 100).Select(i => client.CreateAsync($"/n{i}", new byte[i]))));

        proxy.Coalesce(1);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"/n{i}"), created.Select(node => node.Path));
    }

    [Fact]
    public async Task A_reset_in_the_middle_of_a_reply_leaves_the_outcome_unknown_and_the_session_alive()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/n", new byte[10_000]);
        long session = client.SessionId;
        _ = proxy.ResetInMidReply(RequestKind.GetData);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.GetDataAsync("/n"));

        Assert.Equal(10_000, (await client.GetDataAsync("/n"))?.Data.Length);
        Assert.Equal(session, client.SessionId);
    }

    [Theory]
    [InlineData("ffffffff")]
    [InlineData("80000000")]
    [InlineData("7fffffff")]
    [InlineData("04000001")]
    [InlineData("00000000")]
    [InlineData("00000004 00000001")]
    [InlineData("00000010 00000063 0000000000000001 00000000")]
    [InlineData("00000010 ffffff00 0000000000000001 00000000")]
    [InlineData("0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 7fffffff 2f61")]
    public async Task Bytes_that_are_not_the_protocol_break_the_connection_and_nothing_else(string hex)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        long session = client.SessionId;

        proxy.Inject(TestVectorTests.Hex(hex));

        await Eventually.TrueAsync("the client has reconnected", () => proxy.Connects.Count == 2);
        Assert.Equal(session, (await client.ExistsAsync("/e"))?.EphemeralOwner);
    }

    [Fact]
    public async Task A_reply_with_the_number_of_another_request_completes_nobody()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        _ = proxy.RewriteNextReply(reply =>
        {
            reply[3]++;
            return reply;
        });

        Task<Stat?> first = client.ExistsAsync("/");
        Task<Stat?> second = client.ExistsAsync("/");

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => first);
        await Eventually.TrueAsync("the client has reconnected", () => proxy.Connects.Count == 2);
        await Eventually.TrueAsync("the second request has its outcome", () => second.IsCompleted);
    }

    [Fact]
    public async Task A_reply_whose_body_is_cut_short_leaves_the_outcome_unknown()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        _ = proxy.RewriteNextReply(reply => reply[..20], RequestKind.Exists);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.ExistsAsync("/"));

        await Eventually.TrueAsync("the client has reconnected", () => proxy.Connects.Count == 2);
        Assert.NotNull(await client.ExistsAsync("/"));
    }

    [Fact]
    public async Task A_caller_with_an_unreadable_reply_hears_of_it_when_the_connection_is_gone()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        SessionStatus connected = client.Status;
        _ = proxy.RewriteNextReply(reply => reply[..20], RequestKind.Exists);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.ExistsAsync("/"));

        // What he sends next would otherwise be lost with that connection.
        Assert.True(connected.Next.IsCompleted);
        Assert.NotNull(await client.GetDataAsync("/"));
    }

    [Fact]
    public async Task A_reply_above_the_limit_breaks_the_connection_instead_of_filling_the_memory()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy) with { MaxReplyBytes = 10_000 });
        await client.CreateAsync("/large", new byte[20_000]);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.GetDataAsync("/large"));

        Assert.Equal(20_000, (await client.ExistsAsync("/large"))?.DataLength);
    }
}
