using System.Text.Json.Nodes;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>While ZooKeeper is away the service lives, answers soon, and recovers by itself.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private ZooKeeperServer _zooKeeper = null!;
    private ServiceProcess _service = null!;
    private Caller _caller = null!;

    public async Task InitializeAsync()
    {
        _zooKeeper = await ZooKeeperServer.StartNewAsync();
        _service = await ServiceProcess.StartAsync(ServiceFixture.Assembly, _zooKeeper.ConnectString, "--LockService:StoreDeadlineMs=500");
        await _service.ReadyAsync();
        _caller = new Caller(_service.Http);
    }

    public async Task DisposeAsync()
    {
        await _service.DisposeAsync();
        await _zooKeeper.DisposeAsync();
    }

    [Fact]
    public async Task Requests_are_refused_as_not_done_and_served_again_afterwards()
    {
        await _zooKeeper.StopAsync();
        await Eventually.TrueAsync("it is not ready", async () => (int)(await _caller.GetAsync("/readyz")).Status == 503);

        Answer refused = await _caller.PostAsync("/v1/locks/a/acquire");
        refused.ExpectProblem(503, "store-unavailable");
        Assert.EndsWith(" Nothing was done.", (string)refused.Json["detail"]!, StringComparison.Ordinal);
        Assert.Equal("1", refused.Headers["Retry-After"]);
        (await _caller.GetAsync("/readyz")).ExpectProblem(503, "store-unavailable");
        (await _caller.GetAsync("/livez")).Expect(200);
        Answer status = await _caller.GetAsync("/v1/status");
        Assert.Equal("connecting", (string)status.Expect(200).Json["zooKeeper"]!["state"]!);

        await _zooKeeper.StartAsync();
        await _service.ReadyAsync();
        await ServesAsync(_caller);
    }

    [Fact]
    public async Task S14_It_starts_without_ZooKeeper_and_is_ready_when_that_is_there()
    {
        await _zooKeeper.StopAsync();
        await using ServiceProcess early = await ServiceProcess.StartAsync(ServiceFixture.Assembly, _zooKeeper.ConnectString);
        var caller = new Caller(early.Http);
        (await caller.GetAsync("/livez")).Expect(200);
        (await caller.GetAsync("/readyz")).ExpectProblem(503, "store-unavailable");
        (await caller.PostAsync("/v1/locks/a/acquire")).ExpectProblem(503, "store-unavailable");

        await _zooKeeper.StartAsync();

        await early.ReadyAsync();
        await ServesAsync(caller);
    }

    [Fact]
    public async Task The_status_names_the_session_but_not_its_password()
    {
        JsonObject status = (await _caller.GetAsync("/v1/status")).Expect(200).Json;

        JsonObject zooKeeper = status["zooKeeper"]!.AsObject();
        Assert.Equal(["version", "instanceId", "draining", "zooKeeper"], status.Select(member => member.Key));
        Assert.Equal(["state", "sessionId", "sessionTimeoutMs", "server", "ensemble"], zooKeeper.Select(member => member.Key));
        Assert.Equal("connected", (string)zooKeeper["state"]!);
        Assert.Equal(_zooKeeper.ConnectString, (string)zooKeeper["ensemble"]![0]!);
    }

    /// <summary>A ZooKeeper that has just started may need longer than the deadline for its first answers: then another lock is tried.</summary>
    private static Task ServesAsync(Caller caller)
    {
        int tried = 0;
        return Eventually.TrueAsync("locks are granted", async () => (int)(await caller.PostAsync($"/v1/locks/b{tried++}/acquire")).Status == 200);
    }
}
