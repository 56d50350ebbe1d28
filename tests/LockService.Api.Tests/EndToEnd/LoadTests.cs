using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>Many clients through two service processes. <c>LOCKSERVICE_LONG=1</c> runs them at full length.</summary>
public sealed class LoadTests : IAsyncLifetime
{
    private const int Clients = 50;
    private static readonly bool s_long = Environment.GetEnvironmentVariable("LOCKSERVICE_LONG") == "1";
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
    public async Task Fifty_clients_hold_one_lock_one_after_the_other_without_an_error()
    {
        int cycles = s_long ? 10_000 : 2_000;
        var witness = new ExclusionWitness();
        int next = 0;
        await ForClientsAsync(async client =>
        {
            while (Interlocked.Increment(ref next) <= cycles)
            {
                Answer grant = await _cluster[client].PostAsync("/v1/locks/hot/acquire", new { ttlMs = 60_000, waitMs = 600_000, owner = $"client-{client}" });
                Assert.True(grant.Status == HttpStatusCode.OK, $"acquire: {grant}");
                witness.Enter(grant.Number("fencingToken"));
                witness.Leave();
                Answer released = await _cluster[client + 1].PostAsync("/v1/locks/hot/release", new { leaseId = grant.Text("leaseId") });
                Assert.True(released.Status == HttpStatusCode.NoContent, $"release: {released}");
            }
        });

        Assert.Equal(cycles, witness.Entered);
    }

    [Fact]
    public async Task The_final_value_of_a_counter_is_the_number_of_acknowledged_increments()
    {
        int increments = s_long ? 10_000 : 4_000;
        var values = new ConcurrentDictionary<long, int>();
        int next = 0;
        await ForClientsAsync(async client =>
        {
            while (Interlocked.Increment(ref next) <= increments)
            {
                Answer answer = await _cluster[client].PostAsync("/v1/counters/hot/increment", new { });
                Assert.True(answer.Status == HttpStatusCode.OK, $"increment: {answer}");
                Assert.True(values.TryAdd(answer.Number("value"), client), $"{answer} was given to two callers");
            }
        });

        Assert.Equal(increments, (await _cluster.One.GetAsync("/v1/counters/hot")).Number("value"));
    }

    [Fact]
    public async Task After_restarts_of_ZooKeeper_under_load_nothing_acknowledged_is_lost_or_doubled()
    {
        var witness = new ExclusionWitness();
        int acknowledged = 0;
        int unknown = 0;
        var enqueued = new ConcurrentDictionary<string, int>();
        var maybeEnqueued = new ConcurrentDictionary<string, int>();
        using var stop = new CancellationTokenSource();
        Task load = ForClientsAsync(async client =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                switch (client % 3)
                {
                    case 0:
                        Answer incremented = await _cluster[client].PostAsync("/v1/counters/survivor/increment", new { });
                        Expect(incremented, HttpStatusCode.OK);
                        Interlocked.Add(ref acknowledged, incremented.Status == HttpStatusCode.OK ? 1 : 0);
                        Interlocked.Add(ref unknown, incremented.Status == HttpStatusCode.GatewayTimeout ? 1 : 0);
                        break;
                    case 1:
                        string body = string.Create(CultureInfo.InvariantCulture, $"{client}-{i}");
                        Answer sent = await _cluster[client].PostAsync("/v1/queues/survivor/enqueue", new { body });
                        Expect(sent, HttpStatusCode.Created);
                        (sent.Status == HttpStatusCode.Created ? enqueued : maybeEnqueued)
                            .TryAdd(body, sent.Status is HttpStatusCode.Created or HttpStatusCode.GatewayTimeout ? 1 : 0);
                        break;
                    default:
                        Answer grant = await _cluster[client].PostAsync("/v1/locks/survivor/acquire", new { ttlMs = 10_000, waitMs = 2_000 });
                        Expect(grant, HttpStatusCode.OK, HttpStatusCode.Conflict);
                        if (grant.Status == HttpStatusCode.OK)
                        {
                            witness.Enter(grant.Number("fencingToken"));
                            witness.Leave();
                            await ReleaseAsync(client, grant.Text("leaseId"));
                        }

                        break;
                }
            }
        });

        for (int restart = 0; restart < (s_long ? 10 : 2); restart++)
        {
            int before = Volatile.Read(ref acknowledged);
            await Eventually.TrueAsync("the load runs", () => load.IsCompleted || Volatile.Read(ref acknowledged) > before + 100, TimeSpan.FromMinutes(1));
            await _zooKeeper.RestartAsync();
        }

        await Task.WhenAll(_cluster.One.ReadyAsync(), _cluster.Two.ReadyAsync());
        int after = Volatile.Read(ref acknowledged);
        await Eventually.TrueAsync("the service has recovered", () => load.IsCompleted || Volatile.Read(ref acknowledged) > after + 100, TimeSpan.FromMinutes(1));
        await stop.CancelAsync();
        await Eventually.CompletesAsync("the clients finish", load, TimeSpan.FromMinutes(1));

        Assert.InRange((await _cluster.One.GetAsync("/v1/counters/survivor")).Number("value"), acknowledged, acknowledged + unknown);
        await DrainedQueueHoldsAsync(enqueued, maybeEnqueued);
        Assert.True(witness.Entered > 0);
    }

    /// <summary>A release is repeated until it is answered: an unknown outcome may mean that it happened, which the next answer shows as lost.</summary>
    private async Task ReleaseAsync(int client, string leaseId)
    {
        while (true)
        {
            Answer released = await _cluster[client + 1].PostAsync("/v1/locks/survivor/release", new { leaseId });
            Expect(released, HttpStatusCode.NoContent, HttpStatusCode.Gone);
            if (released.Status is HttpStatusCode.NoContent or HttpStatusCode.Gone)
            {
                return;
            }
        }
    }

    private async Task DrainedQueueHoldsAsync(ConcurrentDictionary<string, int> enqueued, ConcurrentDictionary<string, int> maybeEnqueued)
    {
        var delivered = new HashSet<string>();
        while (true)
        {
            Answer batch = await _cluster.Two.PostAsync("/v1/queues/survivor/dequeue", new { max = 100, leaseMs = 60_000 });
            Assert.Equal(HttpStatusCode.OK, batch.Status);
            string[] leaseIds = [.. batch.Body.GetProperty("messages").EnumerateArray().Select(m => m.GetProperty("leaseId").GetString()!)];
            if (leaseIds.Length == 0)
            {
                break;
            }

            foreach (string body in batch.Body.GetProperty("messages").EnumerateArray().Select(m => m.GetProperty("body").GetString()!))
            {
                Assert.True(delivered.Add(body), $"{body} was delivered twice");
            }

            Assert.Equal(leaseIds.Length, (await _cluster.One.PostAsync("/v1/queues/survivor/ack", new { leaseIds })).Number("acked"));
        }

        Assert.Empty(enqueued.Keys.Except(delivered));
        Assert.Empty(delivered.Except(enqueued.Keys).Except(maybeEnqueued.Where(m => m.Value == 1).Select(m => m.Key)));
    }

    private static void Expect(Answer answer, params HttpStatusCode[] statuses) => Assert.True(
        statuses.Contains(answer.Status) || answer.Status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout, answer.ToString());

    private static Task ForClientsAsync(Func<int, Task> client) => Task.WhenAll(Enumerable.Range(0, Clients).Select(client));
}
