using System.Net;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>What holds for two service processes on one ZooKeeper, and when one of them is killed.</summary>
public sealed class TwoInstancesTests : IAsyncLifetime
{
    private ZooKeeperServer _zooKeeper = null!;
    private Cluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _zooKeeper = await ZooKeeperServer.StartNewAsync();
        _cluster = await Cluster.StartAsync(_zooKeeper.ConnectString);
    }

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await _zooKeeper.DisposeAsync();
    }

    [Fact]
    public async Task What_one_grants_the_other_renews_and_releases()
    {
        Answer grant = await _cluster.One.PostAsync("/v1/locks/report/acquire", new { ttlMs = 30_000 });
        Assert.Equal(HttpStatusCode.OK, grant.Status);
        string leaseId = grant.Text("leaseId");

        Answer renewed = await _cluster.Two.PostAsync("/v1/locks/report/renew", new { leaseId });
        Assert.Equal((HttpStatusCode.OK, grant.Number("fencingToken")), (renewed.Status, renewed.Number("fencingToken")));
        Answer released = await _cluster.Two.PostAsync("/v1/locks/report/release", new { leaseId });
        Assert.Equal(HttpStatusCode.NoContent, released.Status);

        Assert.Equal(HttpStatusCode.OK, (await _cluster.One.PostAsync("/v1/locks/report/acquire", new { })).Status);
        Assert.Equal(HttpStatusCode.Gone, (await _cluster.One.PostAsync("/v1/locks/report/renew", new { leaseId })).Status);
    }

    [Fact]
    public async Task When_one_is_killed_its_grants_live_on_and_its_waiters_are_gone_within_the_session_timeout()
    {
        string kept = (await _cluster.One.PostAsync("/v1/locks/kept/acquire", new { ttlMs = 60_000 })).Text("leaseId");
        string held = (await _cluster.Two.PostAsync("/v1/locks/contended/acquire", new { ttlMs = 60_000 })).Text("leaseId");
        Task<Answer> dying = _cluster.One.PostAsync("/v1/locks/contended/acquire", new { waitMs = 60_000 });
        await QueueIsAsync("contended", 1);
        Task<Answer> surviving = _cluster.Two.PostAsync("/v1/locks/contended/acquire", new { waitMs = 60_000 });
        await QueueIsAsync("contended", 2);

        await _cluster.One.KillAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => dying);

        Assert.Equal(HttpStatusCode.OK, (await _cluster.Two.PostAsync("/v1/locks/kept/renew", new { leaseId = kept })).Status);
        await QueueIsAsync("contended", 1);
        Assert.False(surviving.IsCompleted, "the waiter took the lock from its holder");
        await _cluster.Two.PostAsync("/v1/locks/contended/release", new { leaseId = held });
        Answer served = await Eventually.CompletesAsync("the next waiter elsewhere is served", surviving);
        Assert.Equal(HttpStatusCode.OK, served.Status);
    }

    [Fact]
    public async Task A_lease_whose_instance_was_killed_ends_although_nobody_waits_for_it()
    {
        await _cluster.One.PostAsync("/v1/locks/orphan/acquire", new { ttlMs = 2_000 });
        await _cluster.One.KillAsync();

        await using var observer = new LockService.ZooKeeper.ZooKeeperClient(
            new LockService.ZooKeeper.ZooKeeperOptions { Servers = LockService.ZooKeeper.ConnectString.Parse(_zooKeeper.ConnectString) });
        await Eventually.TrueAsync(
            "the holder's node is gone",
            async () => await observer.GetChildrenAsync("/lockservice/locks/orphan") is null or { Names.Count: 0 },
            TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_stopped_instance_answers_its_waiters_and_exits_cleanly()
    {
        string held = (await _cluster.Two.PostAsync("/v1/locks/contended/acquire", new { ttlMs = 60_000 })).Text("leaseId");
        Task<Answer>[] waiting = [.. Enumerable.Range(0, 50).Select(_ =>
            _cluster.One.PostAsync("/v1/locks/contended/acquire", new { waitMs = 60_000 }))];
        await QueueIsAsync("contended", 50);

        await _cluster.One.TerminateAsync();

        Answer[] answers = await Eventually.CompletesAsync("all waiters are answered", Task.WhenAll(waiting));
        Assert.All(answers, answer => Assert.Equal((HttpStatusCode.ServiceUnavailable, "draining"), (answer.Status, answer.Text("code"))));
        Assert.Equal(0, await Eventually.CompletesAsync("the process exits", _cluster.One.Exited));
        await QueueIsAsync("contended", 0);
        Assert.Equal(HttpStatusCode.NoContent, (await _cluster.Two.PostAsync("/v1/locks/contended/release", new { leaseId = held })).Status);
    }

    private Task QueueIsAsync(string name, int length) => Eventually.TrueAsync(
        $"{length} wait for '{name}'", async () => (await _cluster.Two.GetAsync($"/v1/locks/{name}")).Number("queueLength") == length);
}
