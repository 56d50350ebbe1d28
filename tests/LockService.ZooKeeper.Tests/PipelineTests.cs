using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Many requests at once, and the limits that hold them.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class PipelineTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task Thousands_of_requests_are_answered_in_the_order_of_the_calls()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync() with { MaxInFlight = 100 });
        await client.CreateAsync("/n");

        Task<CreatedNode>[] requests = [.. Enumerable.Range(0, 5_000).Select(_ => client.CreateAsync("/n/s-", mode: CreateMode.PersistentSequential))];
        CreatedNode[] created = await Task.WhenAll(requests);

        Assert.Equal(Enumerable.Range(0, 5_000).Select(i => $"/n/s-{i:D10}"), created.Select(node => node.Path));
    }

    [Fact]
    public async Task Many_threads_may_use_one_client()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");

        await Parallel.ForAsync(0, 1_000, async (_, cancellation) => await client.SetDataAsync("/n", default, -1, cancellation));

        Assert.Equal(1_000, (await client.ExistsAsync("/n"))?.Version);
    }

    [Fact]
    public async Task No_more_requests_are_in_flight_than_the_limit_allows()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy) with { MaxInFlight = 7 });
        await client.WhenConnectedAsync();
        proxy.Stall(ProxyDirections.ToClient);

        Task<Stat?>[] requests = [.. Enumerable.Range(0, 50).Select(_ => client.ExistsAsync("/"))];
        await Eventually.TrueAsync("the limit is reached", () => Sent(proxy) == 7);
        Task<Stat?> another = client.ExistsAsync("/");
        Assert.Equal(7, Sent(proxy));

        proxy.Resume();
        await Task.WhenAll(requests);
        await another;
        Assert.Equal(51, Sent(proxy));
    }

    [Fact]
    public async Task A_request_above_the_queues_limit_is_refused_at_once_as_not_sent()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy) with { MaxQueued = 3 };
        proxy.Refuse();
        await using var client = new ZooKeeperClient(options);
        Task<Stat?>[] waiting = [.. Enumerable.Range(0, 3).Select(_ => client.ExistsAsync("/"))];

        RequestNotSentException refused = await Assert.ThrowsAsync<RequestNotSentException>(() => client.ExistsAsync("/"));

        Assert.Equal(RequestOutcome.NotSent, refused.Outcome);
        proxy.Admit();
        await Eventually.CompletesAsync("the others are done", Task.WhenAll(waiting));
    }

    [Fact]
    public async Task Requests_given_up_while_disconnected_do_not_fill_the_queue()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy) with { MaxQueued = 5_000 };
        proxy.Refuse();
        await using var client = new ZooKeeperClient(options);
        for (int i = 0; i < 20; i++)
        {
            using var cancellation = new CancellationTokenSource();
            Task<Stat?>[] abandoned = [.. Enumerable.Range(0, 1_000).Select(_ => client.ExistsAsync("/", cancellation.Token))];
            await cancellation.CancelAsync();
            await Assert.ThrowsAsync<RequestAbandonedException>(() => Task.WhenAll(abandoned));
        }

        Task<Stat?> wanted = client.ExistsAsync("/");
        proxy.Admit();

        Assert.NotNull(await Eventually.CompletesAsync("the request is done", wanted));
        Assert.Single(proxy.Requests, request => request.Kind == RequestKind.Exists);
    }

    [Theory]
    [InlineData(1_048_575)]
    [InlineData(50_000)]
    public async Task P7_A_request_of_just_the_limit_is_sent_and_one_byte_more_is_refused_here(int limit)
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy) with { MaxRequestBytes = limit });
        await client.CreateAsync("/n");
        // Header 8, path 4, data's length 4, version 4.
        int room = limit - 20 - client.ServerPath("/n").Length;

        await client.SetDataAsync("/n", new byte[room], -1);
        RequestTooLargeException refused = await Assert.ThrowsAsync<RequestTooLargeException>(() => client.SetDataAsync("/n", new byte[room + 1], -1));

        Assert.Equal(RequestOutcome.NotSent, refused.Outcome);
        Assert.Equal(room, (await client.ExistsAsync("/n"))?.DataLength);
        Assert.Single(proxy.Connects);
    }

    [Fact]
    public async Task P7_A_request_beyond_all_measure_is_refused_before_it_is_encoded()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        byte[] huge = GC.AllocateUninitializedArray<byte>(1_100_000_000);

        await Assert.ThrowsAsync<RequestTooLargeException>(() => client.CreateAsync("/n", huge));
        await Assert.ThrowsAsync<RequestTooLargeException>(() => client.CommitAsync(new Transaction().SetData("/n", huge, 0).SetData("/n", huge, 0)));

        Assert.Null(await client.ExistsAsync("/n"));
    }

    private static int Sent(ZooKeeperProxy proxy) => proxy.Requests.Count(request => request.Kind == RequestKind.Exists);
}
