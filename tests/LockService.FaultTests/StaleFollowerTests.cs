using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using LockService.FaultTests.Clusters;
using LockService.FaultTests.Nemeses;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.FaultTests;

/// <summary>
/// Z9: one instance works on the leader, the other one on a follower that does not hear of it yet. What the first one has acknowledged the second
/// one must know, whatever it is asked.
/// </summary>
[Collection(nameof(ClusterProbe))]
public sealed class StaleFollowerTests(ClusterProbe probe) : IAsyncLifetime
{
    /// <summary>How long the follower hears nothing after it was asked. Who answers within it answers from what the follower knows.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromMilliseconds(500);

    private readonly List<Link> _links = [];
    private IReadOnlyList<Link> _toLeader = [];
    private ZooKeeperClient _lateClient = null!;

    private Instance Ahead => probe.Cluster.Instances[0];

    private Instance Behind => probe.Cluster.Instances[1];

    public async Task InitializeAsync()
    {
        await probe.WholeAsync();
        ZooKeeperServer leader = await probe.Cluster.LeaderAsync(new Random(1), CancellationToken.None);
        ZooKeeperServer late = await probe.Cluster.FollowerAsync(new Random(1), CancellationToken.None);
        Bind(Ahead, probe.Cluster.NumberOf(leader));
        Bind(Behind, probe.Cluster.NumberOf(late));
        _lateClient = probe.Cluster.Client(late);
        await _lateClient.ExistsAsync("/");
        _toLeader = probe.Cluster.Between(probe.Cluster.NumberOf(late), probe.Cluster.NumberOf(leader));
        _links.AddRange(_toLeader);

        // Only the one link is left to each of them.
        await Eventually.TrueAsync("both are connected", () =>
            Ahead.ToZooKeeper[probe.Cluster.NumberOf(leader)].Greetings.Count > 0 && Behind.ToZooKeeper[probe.Cluster.NumberOf(late)].Greetings.Count > 0);
        await Eventually.TrueAsync("both are ready", async () => await probe.CountAsync("/readyz", HttpStatusCode.OK) == FaultCluster.Size);
    }

    public async Task DisposeAsync()
    {
        await _lateClient.DisposeAsync();
        _links.ForEach(link => link.Heal());
        await probe.WholeAsync();
    }

    [Fact]
    public async Task A_counter_that_was_raised_elsewhere_is_read_as_it_is()
    {
        await PostAsync(Ahead, "/v1/counters/hits/increment", new { });
        await _lateClient.SyncAsync("/");

        JsonElement counter = await BehindAsync(
            async () =>
            {
                await PostAsync(Ahead, "/v1/counters/hits/increment", new { });
                // Without this the test would show nothing: who asks the follower alone hears what was.
                NodeData? node = await _lateClient.GetDataAsync("/lockservice/counters/hits");
                Assert.Equal("1", Encoding.ASCII.GetString(node!.Data.Span));
            },
            () => GetAsync(Behind, "/v1/counters/hits"));
        Assert.Equal(2, counter.GetProperty("value").GetInt64());

        JsonElement page = await BehindAsync(
            () => PostAsync(Ahead, "/v1/counters/hits/increment", new { }), () => GetAsync(Behind, "/v1/counters?prefix=hits"));
        Assert.Equal(3, page.GetProperty("items").EnumerateArray().Single().GetProperty("value").GetInt64());
    }

    [Fact]
    public async Task A_lock_that_was_taken_or_released_elsewhere_is_seen_as_it_is()
    {
        JsonElement lease = default;
        JsonElement state = await BehindAsync(
            async () => lease = await PostAsync(Ahead, "/v1/locks/report/acquire", new { ttlMs = 60_000 }), () => GetAsync(Behind, "/v1/locks/report"));
        Assert.True(state.GetProperty("held").GetBoolean());

        // Who is refused must not be refused for a holder who had left before he asked.
        JsonElement next = await BehindAsync(
            () => ReleaseAsync(lease), () => PostAsync(Behind, "/v1/locks/report/acquire", new { ttlMs = 60_000 }));
        Assert.True(next.GetProperty("fencingToken").GetInt64() > lease.GetProperty("fencingToken").GetInt64());

        JsonElement verified = await BehindAsync(
            () => ReleaseAsync(next),
            () => PostAsync(Behind, "/v1/locks/report/verify", new { fencingToken = next.GetProperty("fencingToken").GetInt64() }));
        Assert.False(verified.GetProperty("valid").GetBoolean());

        Task<JsonElement> ReleaseAsync(JsonElement held) =>
            PostAsync(Ahead, "/v1/locks/report/release", new { leaseId = held.GetProperty("leaseId").GetString() });
    }

    [Fact]
    public async Task A_message_that_was_enqueued_or_acknowledged_elsewhere_is_found_or_gone()
    {
        JsonElement queue = await BehindAsync(
            () => PostAsync(Ahead, "/v1/queues/mail/enqueue", new { body = 1 }), () => GetAsync(Behind, "/v1/queues/mail"));
        Assert.Equal(1, queue.GetProperty("ready").GetInt64());

        string? lease = Message(await DequeueAsync(), 1).GetProperty("leaseId").GetString();
        queue = await BehindAsync(
            () => PostAsync(Ahead, "/v1/queues/mail/ack", new { leaseIds = new[] { lease } }), () => GetAsync(Behind, "/v1/queues/mail"));
        Assert.Equal(0, queue.GetProperty("leased").GetInt64());

        // Nobody is told that there is nothing when there is something.
        Message(await BehindAsync(() => PostAsync(Ahead, "/v1/queues/mail/enqueue", new { body = 2 }), DequeueAsync), 2);

        Task<JsonElement> DequeueAsync() => PostAsync(Behind, "/v1/queues/mail/dequeue", new { });
        static JsonElement Message(JsonElement delivery, int body)
        {
            JsonElement message = delivery.GetProperty("messages").EnumerateArray().Single();
            Assert.Equal(body, message.GetProperty("body").GetInt32());
            return message;
        }
    }

    /// <summary>Asks after a change which the follower does not hear of until some time after the question.</summary>
    private async Task<JsonElement> BehindAsync(Func<Task> change, Func<Task<JsonElement>> ask)
    {
        Array.ForEach([.. _toLeader], link => link.Stall(ProxyDirections.ToClient));
        await change();
        Task<JsonElement> answer = ask();
        await Task.WhenAny(answer, Task.Delay(s_silence, TimeProvider.System));
        Array.ForEach([.. _toLeader], link => link.Resume());
        return await answer;
    }

    private void Bind(Instance instance, int server)
    {
        for (int i = 0; i < FaultCluster.Size; i++)
        {
            if (i != server)
            {
                instance.ToZooKeeper[i].Refuse();
                instance.ToZooKeeper[i].Cut();
                _links.Add(instance.ToZooKeeper[i]);
            }
        }
    }

    private static async Task<JsonElement> PostAsync(Instance instance, string path, object body)
    {
        using HttpResponseMessage response = await instance.Http.PostAsJsonAsync(new Uri(path, UriKind.Relative), body);
        return await ReadAsync(response);
    }

    private static async Task<JsonElement> GetAsync(Instance instance, string path)
    {
        using HttpResponseMessage response = await instance.Http.GetAsync(new Uri(path, UriKind.Relative));
        return await ReadAsync(response);
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} {text}");
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }
}
