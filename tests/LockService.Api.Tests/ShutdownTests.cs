using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>A service that is told to stop fails nobody's request and leaves nothing behind.</summary>
public sealed class ShutdownTests : IAsyncLifetime
{
    private ZooKeeperServer _zooKeeper = null!;
    private ServiceProcess _service = null!;
    private Caller _caller = null!;

    public async Task InitializeAsync()
    {
        _zooKeeper = await ZooKeeperServer.StartNewAsync();
        _service = await ServiceProcess.StartAsync(ServiceFixture.Assembly, _zooKeeper.ConnectString, "--LockService:DrainDelayMs=3000");
        await _service.ReadyAsync();
        _caller = new Caller(_service.Http);
    }

    public async Task DisposeAsync()
    {
        await _service.DisposeAsync();
        await _zooKeeper.DisposeAsync();
    }

    [Fact]
    public async Task Readiness_fails_before_the_service_stops_to_answer()
    {
        await _service.TerminateAsync();

        await Eventually.TrueAsync("it is not ready", async () => (int)(await _caller.GetAsync("/readyz")).Status == 503);
        Answer ready = await _caller.GetAsync("/readyz");
        ready.ExpectProblem(503, "draining");
        Assert.Equal("1", ready.Headers["Retry-After"]);
        (await _caller.GetAsync("/healthz")).ExpectProblem(503, "draining");
        (await _caller.GetAsync("/livez")).Expect(200);
        (await _caller.PostAsync("/v1/locks/a/acquire")).ExpectProblem(503, "draining");
    }

    [Fact]
    public async Task Waiters_are_sent_away_and_leave_nothing_behind()
    {
        (await _caller.PostAsync("/v1/locks/a/acquire")).Expect(200);
        Task<Answer> waiting = _caller.PostAsync("/v1/locks/a/acquire", """{"waitMs":60000}""");
        await Eventually.TrueAsync("one waits", async () => (await _caller.GetAsync("/v1/locks/a")).Number("queueLength") == 1);

        long start = TimeProvider.System.GetTimestamp();
        await _service.TerminateAsync();
        Answer answer = await Eventually.CompletesAsync("the waiter is answered", waiting);
        int exit = await Eventually.CompletesAsync("the service ends", _service.Exited);

        answer.ExpectProblem(503, "draining");
        Assert.Equal("1", answer.Headers["Retry-After"]);
        Assert.Equal(0, exit);
        Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(10));
        await using Tree tree = await Tree.OpenAsync(_zooKeeper.ConnectString);
        Assert.Single(await tree.ResourcesAsync(), path => path.StartsWith("/lockservice/locks/a/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_ends_in_time_while_ZooKeeper_does_not_answer()
    {
        await _zooKeeper.FreezeAsync();

        await _service.TerminateAsync();

        int exit = await Eventually.CompletesAsync("the service ends", _service.Exited, TimeSpan.FromSeconds(10));
        Assert.Equal(0, exit);
        await _zooKeeper.ThawAsync();
    }
}
