using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using LockService.FaultTests.Clusters;
using LockService.Testing;
using Xunit;

namespace LockService.FaultTests.Nemeses;

/// <summary>Each kind of fault does what it says, and nothing is left of it afterwards.</summary>
[Collection(nameof(ClusterProbe))]
public sealed class NemesisTests(ClusterProbe probe)
{
    private static readonly CancellationToken s_calm = CancellationToken.None;

    [Fact]
    public async Task Another_server_leads_when_the_leader_is_killed()
    {
        ZooKeeperServer leader = await LeaderAsync();
        await probe.StrikeAsync(ServerNemeses.KillLeader, () => AnotherLeadsAsync(leader));
    }

    [Fact]
    public async Task Another_server_leads_when_the_leader_stands_still_which_answers_nothing()
    {
        ZooKeeperServer leader = await LeaderAsync();
        await probe.StrikeAsync(ServerNemeses.FreezeLeader, async () =>
        {
            await AnotherLeadsAsync(leader);
            Assert.True(leader.IsFrozen);
            Assert.Null(await leader.ModeAsync());
        });
    }

    [Fact]
    public async Task A_leader_that_the_network_parts_from_its_followers_ceases_to_serve()
    {
        // Whom they elect next may be the same one, since votes do not all pass the links.
        ZooKeeperServer leader = await LeaderAsync();
        await probe.StrikeAsync(EnsembleLinkNemeses.PartitionLeader, () => Eventually.TrueAsync(
            "the leader serves nobody", async () => (await leader.AskAsync("srvr")).Contains("not currently serving", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nothing_is_written_while_two_servers_stand_still()
    {
        await using var client = probe.Cluster.Client();
        await client.ExistsAsync("/");
        Task create = Task.CompletedTask;
        await probe.StrikeAsync(ServerNemeses.NoQuorumBriefly, async () =>
        {
            await Eventually.TrueAsync("two stand still", () => probe.Cluster.ZooKeeper.Servers.Count(server => server.IsFrozen) == 2);
            create = client.CreateAsync("/no-quorum");
            Assert.NotEqual(create, await Task.WhenAny(create, Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System)));
        });
        await create;
        Assert.NotNull(await client.ExistsAsync("/no-quorum"));
    }

    [Fact]
    public async Task Servers_answer_late_by_what_the_leader_is_delayed()
    {
        await using var client = probe.Cluster.Client(await FollowerAsync());
        await client.ExistsAsync("/");
        await probe.StrikeAsync(EnsembleLinkNemeses.DelayLeader, async () =>
        {
            await Eventually.TrueAsync("a write takes two seconds", async () =>
            {
                long start = TimeProvider.System.GetTimestamp();
                await client.SetDataAsync("/", default, -1);
                return TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromSeconds(1.5);
            });
        });
    }

    [Fact]
    public async Task A_killed_instance_is_a_new_process_afterwards()
    {
        int[] before = Processes();
        await probe.StrikeAsync(InstanceNemeses.Kill, () => OneIsGoneAsync("/livez"));
        Assert.Equal(2, before.Intersect(Processes()).Count());
    }

    [Fact]
    public async Task An_instance_that_stands_still_answers_nothing_and_is_the_same_process_afterwards()
    {
        int[] before = Processes();
        await probe.StrikeAsync(InstanceNemeses.Freeze, () => OneIsGoneAsync("/livez"));
        Assert.Equal(before, Processes());
    }

    [Fact]
    public async Task An_isolated_instance_lives_and_is_not_ready() => await probe.StrikeAsync(LinkNemeses.Isolate, async () =>
    {
        await Eventually.TrueAsync("one is not ready", async () => await probe.CountAsync("/readyz", HttpStatusCode.ServiceUnavailable) == 1);
        Assert.Equal(FaultCluster.Size, await probe.CountAsync("/livez", HttpStatusCode.OK));
    });

    [Fact]
    public async Task Clients_do_not_reach_an_instance_they_are_cut_from() =>
        await probe.StrikeAsync(LinkNemeses.CutClients, () => OneIsGoneAsync("/livez"), seed: 3);

    [Fact]
    public async Task An_answer_that_is_dropped_was_given_to_what_was_done()
    {
        // A request that comes so late that the cut finds it not yet passed on is withdrawn, and never done; so one of a few answers will do.
        bool done = false;
        for (int seed = 5; !done && seed < 15; seed++)
        {
            string counter = $"dropped-{seed}";
            int told = await CountUntilDroppedAsync(counter, seed);
            await probe.WholeAsync();
            long value = await ValueAsync(counter);
            Assert.InRange(value, told, told + 1);
            done = value == told + 1;
        }

        Assert.True(done, "Not one of ten answers that were dropped was to something that had been done.");
    }

    /// <summary>Increments until an answer is dropped, or the fault has passed without that.</summary>
    /// <returns>How many were answered.</returns>
    private async Task<int> CountUntilDroppedAsync(string counter, int seed)
    {
        using var hurry = new CancellationTokenSource();
        int told = 0;
        await IncrementAsync();
        Task strike = LinkNemeses.DropRepliesToClients.StrikeAsync(probe.Cluster, new Random(seed), hurry.Token);
        try
        {
            while (!strike.IsCompleted)
            {
                await IncrementAsync();
            }
        }
        catch (HttpRequestException e) when (e.StatusCode is null)
        {
            await hurry.CancelAsync();
        }

        await strike;
        return told;

        async Task IncrementAsync()
        {
            Instance instance = probe.Cluster.Instances[told % FaultCluster.Size];
            using HttpResponseMessage answer = await instance.Http.PostAsJsonAsync($"/v1/counters/{counter}/increment", new { by = 1 });
            answer.EnsureSuccessStatusCode();
            told++;
        }
    }

    [Fact]
    public async Task All_sessions_of_an_instance_are_others_after_they_expired()
    {
        string[] before = await probe.SessionsAsync();
        await LinkNemeses.CutAllServers.StrikeAsync(probe.Cluster, new Random(1), new CancellationToken(canceled: true));
        await probe.WholeAsync();
        Assert.Equal(before, await probe.SessionsAsync());

        await probe.StrikeAsync(SessionNemeses.ExpireAll, () =>
            Eventually.TrueAsync("one instance has another session", async () => before.Except(await probe.SessionsAsync()).Count() == 1));
    }

    private async Task<ZooKeeperServer> LeaderAsync() => await probe.Cluster.LeaderAsync(new Random(1), s_calm);

    private async Task<ZooKeeperServer> FollowerAsync() => await probe.Cluster.FollowerAsync(new Random(1), s_calm);

    private int[] Processes() => [.. probe.Cluster.Instances.Select(instance => instance.Process!.ProcessId)];

    private Task AnotherLeadsAsync(ZooKeeperServer than) => Eventually.TrueAsync("another server leads", async () =>
    {
        foreach (ZooKeeperServer server in probe.Cluster.ZooKeeper.Servers.Where(server => server != than))
        {
            if (await server.ModeAsync() == "leader")
            {
                return true;
            }
        }

        return false;
    });

    private Task OneIsGoneAsync(string path) =>
        Eventually.TrueAsync("one instance does not answer", async () => await probe.CountAsync(path, null) == 1);

    private async Task<long> ValueAsync(string counter)
    {
        JsonElement state = await probe.Cluster.Instances[0].Http.GetFromJsonAsync<JsonElement>($"/v1/counters/{counter}");
        return state.GetProperty("value").GetInt64();
    }
}
