using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class CancellationTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task A_request_cancelled_before_the_call_is_not_sent()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();

        RequestAbandonedException abandoned =
            await Assert.ThrowsAsync<RequestAbandonedException>(() => client.CreateAsync("/n", cancellation: cancellation.Token));

        Assert.Equal(RequestOutcome.NotSent, abandoned.Outcome);
        Assert.Null(await client.ExistsAsync("/n"));
    }

    [Fact]
    public async Task A_request_cancelled_while_it_waits_to_be_sent_never_is()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy);
        proxy.Refuse();
        await using var client = new ZooKeeperClient(options);
        using var cancellation = new CancellationTokenSource();
        Task<CreatedNode> waiting = client.CreateAsync("/n", cancellation: cancellation.Token);

        await cancellation.CancelAsync();

        RequestAbandonedException abandoned = await Assert.ThrowsAsync<RequestAbandonedException>(() => waiting);
        Assert.Equal(RequestOutcome.NotSent, abandoned.Outcome);
        Assert.Equal(cancellation.Token, abandoned.CancellationToken);
        proxy.Admit();
        Assert.Null(await client.ExistsAsync("/n"));
        Assert.DoesNotContain(proxy.Requests, request => request.Kind == RequestKind.Create2);
    }

    [Fact]
    public async Task P13_A_request_cancelled_after_it_was_sent_is_unknown_and_the_next_reply_still_finds_its_request()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        proxy.Stall(ProxyDirections.ToClient);
        using var cancellation = new CancellationTokenSource();
        Task<CreatedNode> sent = client.CreateAsync("/n", cancellation: cancellation.Token);
        await Eventually.TrueAsync("the request has left", () => proxy.Requests.Any(request => request.Kind == RequestKind.Create2));
        Task<Stat?> next = client.ExistsAsync("/n");

        await cancellation.CancelAsync();

        RequestAbandonedException abandoned = await Assert.ThrowsAsync<RequestAbandonedException>(() => sent);
        Assert.Equal(RequestOutcome.Unknown, abandoned.Outcome);
        proxy.Resume();
        Assert.NotNull(await next);
        Assert.Single(proxy.Connects);
    }

    [Fact]
    public async Task A_cancellation_after_the_reply_changes_nothing()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        using var cancellation = new CancellationTokenSource();
        Task<CreatedNode> done = client.CreateAsync("/n", cancellation: cancellation.Token);
        await done;

        await cancellation.CancelAsync();

        Assert.Equal("/n", (await done).Path);
    }

    [Fact]
    public async Task Cancellations_racing_with_replies_leave_every_request_with_an_outcome()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.WhenConnectedAsync();
        for (int round = 0; round < 50; round++)
        {
            using var cancellation = new CancellationTokenSource();
            Task[] requests = [.. Enumerable.Range(0, 50).Select(_ => client.ExistsAsync("/", cancellation.Token))];
            await requests[round];
            await cancellation.CancelAsync();

            await Eventually.TrueAsync("all have an outcome", () => Array.TrueForAll(requests, request => request.IsCompleted));
        }

        Assert.NotNull(await client.ExistsAsync("/"));
    }
}
