using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class DisposalTests(ZooKeeperFixture zookeeper)
{
    /// <summary>A close waits for the server's answer for two seconds at most; the rest is for a loaded machine.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(6);

    [Fact]
    public async Task Disposing_of_a_client_that_never_connected_ends_at_once()
    {
        var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse($"127.0.0.1:{FreePort.Next()}") });
        Task<Stat?> waiting = client.ExistsAsync("/");

        await Dispose(client);

        SessionEndedException ended = await Assert.ThrowsAsync<SessionEndedException>(() => waiting);
        Assert.Equal(SessionEnd.Closed, ended.End);
    }

    [Fact]
    public async Task Disposing_does_not_wait_for_a_server_that_swallows_packets()
    {
        using var full = new FullBacklog();
        var options = new ZooKeeperOptions { Servers = ConnectString.Parse($"127.0.0.1:{full.Port}"), SessionTimeout = TimeSpan.FromMinutes(1) };
        var client = new ZooKeeperClient(options);
        await Eventually.TrueAsync("the client tries to connect", () => full.Waiting == 1);

        await Dispose(client);

        Assert.Equal(SessionEnd.Closed, client.Status.End);
    }

    [Fact]
    public async Task Disposing_does_not_wait_for_a_server_that_accepts_and_says_nothing()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        proxy.Stall();
        var options = new ZooKeeperOptions { Servers = ConnectString.Parse(proxy.ConnectString), SessionTimeout = TimeSpan.FromMinutes(1) };
        var client = new ZooKeeperClient(options);
        await Eventually.TrueAsync("the client waits for an answer", () => proxy.Accepted == 1);

        await Dispose(client);

        Assert.Equal(SessionEnd.Closed, client.Status.End);
    }

    [Fact]
    public async Task Disposing_while_disconnected_refuses_what_waits()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        Watched<Stat?> watched = await client.WatchExistsAsync("/n");
        proxy.Refuse();
        await proxy.CutAsync(client);
        Task<Stat?> waiting = client.ExistsAsync("/");

        await Dispose(client);

        await Assert.ThrowsAsync<SessionEndedException>(() => waiting);
        Assert.Equal(WatchEventType.SessionEnded, (await Eventually.CompletesAsync("the watch is told", watched.Watch.Changed)).Type);
    }

    [Fact]
    public async Task Disposing_with_requests_in_flight_leaves_them_done_or_unknown()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        proxy.Stall(ProxyDirections.ToClient);
        Task<CreatedNode>[] requests = [.. Enumerable.Range(0, 20).Select(i => client.CreateAsync($"/n{i}"))];
        await Eventually.TrueAsync("they have left", () => proxy.Requests.Count(request => request.Kind == RequestKind.Create2) == 20);

        await Dispose(client);

        foreach (Task<CreatedNode> request in requests)
        {
            await Assert.ThrowsAsync<OutcomeUnknownException>(() => request);
        }
    }

    [Fact]
    public async Task Requests_sent_before_the_close_are_done_before_it()
    {
        var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Task<CreatedNode>[] requests = [.. Enumerable.Range(0, 500).Select(i => client.CreateAsync($"/n{i}"))];
        await client.WhenConnectedAsync();

        await Dispose(client);

        Assert.All(requests, request => Assert.True(request.IsCompletedSuccessfully));
    }

    [Fact]
    public async Task A_client_may_be_disposed_of_more_than_once()
    {
        var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.WhenConnectedAsync();

        await Task.WhenAll(Dispose(client), Dispose(client));
        await Dispose(client);

        await Assert.ThrowsAsync<SessionEndedException>(() => client.ExistsAsync("/"));
    }

    [Fact]
    public async Task Disposing_after_an_expiry_ends_at_once()
    {
        var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.WhenConnectedAsync();
        await zookeeper.Server.KillSessionAsync(client);
        await Eventually.TrueAsync("the session has expired", () => client.Status.End == SessionEnd.Expired);

        await Dispose(client);

        Assert.Equal(SessionEnd.Expired, client.Status.End);
    }

    private static Task Dispose(ZooKeeperClient client) =>
        Eventually.CompletesAsync("the client is disposed of", client.DisposeAsync().AsTask(), s_limit);
}
