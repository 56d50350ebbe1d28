using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.FaultTests;

/// <summary>
/// Servers write and send snapshots while transactions go on. Who starts from one has a part of what came after its beginning, and repeats
/// all of that. From 3.9.4 on a node may exist afterwards and be in no list (ZOOKEEPER-4846).
/// </summary>
public sealed class FuzzySnapshotTests : IAsyncLifetime
{
    private ZooKeeperServer _server = null!;
    private ServiceProcess _service = null!;
    private ZooKeeperClient _client = null!;

    public async Task InitializeAsync()
    {
        _server = await ZooKeeperServer.StartNewAsync(new ZooKeeperServerOptions
        {
            // The name of a snapshot tells with which transaction it began.
            SystemProperties = new Dictionary<string, string> { ["zookeeper.serializeLastProcessedZxid.enabled"] = "false" },
        });
        _client = new ZooKeeperClient(new ZooKeeperOptions
        {
            Servers = ConnectString.Parse(_server.ConnectString), SessionTimeout = TimeSpan.FromMinutes(1),
        });
        _service = await ServiceProcess.StartAsync(
            Path.Combine(AppContext.BaseDirectory, "LockService.Api.dll"), _server.ConnectString, "--LockService:SessionTimeoutMs=60000");
        await _service.ReadyAsync();
    }

    public async Task DisposeAsync()
    {
        await _service.DisposeAsync();
        await _client.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Whoever_holds_a_lock_is_found_by_those_who_come_after_a_restart_from_a_snapshot()
    {
        // There are directories, which the grants below replace.
        string[] locks = ["alone", "joined", "handed", "both-a", "both-b"];
        foreach (string name in locks)
        {
            await ReleaseAsync(name, await AcquireAsync(name));
        }

        CreatedNode begun = await _client.CreateAsync("/begun", default, CreateMode.Persistent);

        await AcquireAsync("alone");
        JsonElement first = await AcquireAsync("handed");
        Task<JsonElement> second = AcquireAsync("handed", waitMs: 60_000);
        await Eventually.TrueAsync("it waits", async () => (await _client.GetChildrenAsync("/lockservice/locks/handed"))!.Names.Count == 2);
        await ReleaseAsync("handed", first);
        await second;
        await PostAsync("/v1/multilocks/acquire", new { locks = new[] { new { name = "both-a" }, new { name = "both-b" } }, ttlMs = 600_000 });
        await AcquireAsync("joined", mode: "shared");
        await AcquireAsync("joined", mode: "shared");

        await RestartAsync(begun);

        foreach (string name in locks)
        {
            using HttpResponseMessage refused = await _service.Http.PostAsJsonAsync(new Uri($"/v1/locks/{name}/acquire", UriKind.Relative), new { ttlMs = 600_000 });
            Assert.True(refused.StatusCode == HttpStatusCode.Conflict, $"{name} is granted although somebody holds it.");
            JsonElement state = await _service.Http.GetFromJsonAsync<JsonElement>(new Uri($"/v1/locks/{name}", UriKind.Relative));
            Assert.Equal(name == "joined" ? 2 : 1, state.GetProperty("holders").GetArrayLength());
        }
    }

    [Fact]
    public async Task Nobody_promotes_himself_before_he_is_sure_to_be_listed()
    {
        CreatedNode begun = await _client.CreateAsync("/begun", default, CreateMode.Persistent);
        await AcquireAsync("joined", mode: "shared");
        await AcquireAsync("joined", mode: "shared");

        // The first holder, the waiter, which nobody blocked, and the second holder.
        Assert.Equal([2, 2, 2], Created("joined", begun).GroupBy(path => path).Select(same => same.Count()));
    }

    [Fact]
    public async Task Whoever_waits_keeps_his_place_over_a_restart_from_a_snapshot()
    {
        await ReleaseAsync("queue", await AcquireAsync("queue"));
        CreatedNode begun = await _client.CreateAsync("/begun", default, CreateMode.Persistent);
        JsonElement holder = await AcquireAsync("queue");
        Task<JsonElement> first = AcquireAsync("queue", waitMs: 60_000);
        // Holder and waiter, each of them twice.
        await Eventually.TrueAsync("it waits", () => Created("queue", begun).Count() == 4);

        await RestartAsync(begun);

        Task<JsonElement> second = AcquireAsync("queue", waitMs: 60_000);
        await Eventually.TrueAsync("both wait", async () => (await _client.GetChildrenAsync("/lockservice/locks/queue"))!.Names.Count == 3);
        await ReleaseAsync("queue", holder);
        JsonElement next = await first;
        Assert.False(second.IsCompleted);
        await ReleaseAsync("queue", next);
        await second;
    }

    /// <summary>The contenders that were created since, in their order, as often as they were.</summary>
    private IEnumerable<string> Created(string name, CreatedNode begun) => _server.ReadTransactions()
        .Where(one => one.Zxid > begun.Stat!.Value.CreatedZxid)
        .SelectMany(one => one.Changes)
        .Where(change => change.IsCreation && change.Path.StartsWith($"/lockservice/locks/{name}/", StringComparison.Ordinal))
        .Select(change => change.Path);

    private async Task RestartAsync(CreatedNode begun)
    {
        await _server.RestartFromSnapshotBegunAtAsync(begun.Stat!.Value.CreatedZxid);
        await Eventually.TrueAsync("ready again", async () =>
        {
            using HttpResponseMessage answer = await _service.Http.GetAsync(new Uri("/readyz", UriKind.Relative));
            return answer.StatusCode == HttpStatusCode.OK;
        });
    }

    private Task<JsonElement> AcquireAsync(string name, int waitMs = 0, string mode = "exclusive") =>
        PostAsync($"/v1/locks/{name}/acquire", new { ttlMs = 600_000, waitMs, mode });

    private Task<JsonElement> ReleaseAsync(string name, JsonElement lease) =>
        PostAsync($"/v1/locks/{name}/release", new { leaseId = lease.GetProperty("leaseId").GetString() });

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        using HttpResponseMessage answer = await _service.Http.PostAsJsonAsync(new Uri(path, UriKind.Relative), body);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode} {text}");
        return JsonDocument.Parse(text.Length > 0 ? text : "{}").RootElement;
    }
}
