using System.Net;
using System.Text.Json;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests.EndToEnd.Native;

/// <summary>Programs that take a lock straight on ZooKeeper, with Curator or kazoo, and those that take it over HTTP.</summary>
public sealed class NativeLockTests(NativeClients clients) : IClassFixture<NativeClients>
{
    public static TheoryData<string> Libraries => ["Curator", "kazoo"];

    [Theory, MemberData(nameof(Libraries))]
    public async Task They_exclude_each_other(string library)
    {
        string name = $"contended-{library}";
        var witness = new ExclusionWitness();
        Task http = Task.WhenAll(Enumerable.Range(0, 4).Select(async client =>
        {
            for (int i = 0; i < 15; i++)
            {
                Answer grant = await AcquireAsync(client, name);
                witness.Enter(grant.Number("fencingToken"));
                await Task.Yield();
                witness.Leave();
                await ReleaseAsync(client + 1, name, grant);
            }
        }));
        Task native = Task.WhenAll(Enumerable.Range(0, 3).Select(async contender =>
        {
            for (int i = 0; i < 10; i++)
            {
                Assert.True(await clients[library].AcquireAsync(contender, PathOf(name), shared: false));
                witness.EnterWithoutToken();
                await Task.Yield();
                witness.Leave();
                await clients[library].ReleaseAsync(contender);
            }
        }));

        await Task.WhenAll(http, native);

        Assert.Equal(90, witness.Entered);
    }

    [Theory, MemberData(nameof(Libraries))]
    public async Task Readers_share_and_writers_of_both_wait_for_readers_of_both(string library)
    {
        string name = $"shared-{library}";
        Assert.True(await clients[library].AcquireAsync(0, PathOf(name), shared: true));
        Answer reader = await AcquireAsync(0, name, mode: "shared");
        Answer refused = await clients.Cluster.Two.PostAsync($"/v1/locks/{name}/acquire", new { });
        Assert.Equal((HttpStatusCode.Conflict, 2), (refused.Status, refused.Body.GetProperty("holders").GetArrayLength()));

        Task<bool> writer = clients[library].AcquireAsync(1, PathOf(name), shared: false);
        await QueueIsAsync(name, 1);
        Task<Answer> last = AcquireAsync(1, name);
        await QueueIsAsync(name, 2);
        await clients[library].ReleaseAsync(0);
        await HoldersAreAsync(name, 1);
        Assert.False(writer.IsCompleted, "the native writer has the lock beside a reader");
        await ReleaseAsync(1, name, reader);

        Assert.True(await Eventually.CompletesAsync("the native writer is served", writer));
        Assert.False(last.IsCompleted, "the writer over HTTP has the lock beside a native one");
        await clients[library].ReleaseAsync(1);
        await ReleaseAsync(0, name, await Eventually.CompletesAsync("the writer over HTTP is served", last));
    }

    [Theory, MemberData(nameof(Libraries))]
    public async Task A_native_waiter_is_seen_and_has_the_lock_when_the_lease_is_released(string library)
    {
        string name = $"released-{library}";
        Answer grant = await AcquireAsync(0, name);
        Task<bool> native = clients[library].AcquireAsync(0, PathOf(name), shared: false);
        JsonElement waiter = (await QueueIsAsync(name, 1)).Body.GetProperty("waiters")[0];
        Assert.NotEqual("", waiter.GetProperty("owner").GetString());

        await ReleaseAsync(1, name, grant);

        Assert.True(await Eventually.CompletesAsync("the native waiter is served", native));
        JsonElement holder = Assert.Single((await clients.Cluster.One.GetAsync($"/v1/locks/{name}")).Body.GetProperty("holders").EnumerateArray());
        Assert.Equal(
            (waiter.GetProperty("owner").GetString(), "exclusive", JsonValueKind.Null),
            (holder.GetProperty("owner").GetString(), holder.GetProperty("mode").GetString(), holder.GetProperty("remainingMs").ValueKind));
        await clients[library].ReleaseAsync(0);
    }

    [Theory, MemberData(nameof(Libraries))]
    public async Task A_native_waiter_has_the_lock_when_the_lease_runs_out(string library)
    {
        string name = $"expired-{library}";
        Answer grant = await AcquireAsync(0, name, ttlMs: 1_000);

        Assert.True(await clients[library].AcquireAsync(0, PathOf(name), shared: false));

        Answer renewed = await clients.Cluster.One.PostAsync($"/v1/locks/{name}/renew", new { leaseId = grant.Text("leaseId") });
        Assert.Equal(HttpStatusCode.Gone, renewed.Status);
        await clients[library].ReleaseAsync(0);
    }

    [Theory, MemberData(nameof(Libraries))]
    public async Task A_waiter_over_HTTP_has_the_lock_when_the_native_holder_releases_it(string library)
    {
        string name = $"given-{library}";
        Assert.True(await clients[library].AcquireAsync(0, PathOf(name), shared: false));
        Task<Answer> waiter = AcquireAsync(0, name);
        await QueueIsAsync(name, 1);

        await clients[library].ReleaseAsync(0);

        await ReleaseAsync(1, name, await Eventually.CompletesAsync("the waiter over HTTP is served", waiter));
    }

    [Theory, MemberData(nameof(Libraries))]
    public async Task A_waiter_over_HTTP_has_the_lock_when_the_native_holders_session_has_died(string library)
    {
        string name = $"died-{library}";
        await using INativeClient dying = clients.StartNew(library);
        Assert.True(await dying.AcquireAsync(0, PathOf(name), shared: false));
        Task<Answer> waiter = AcquireAsync(0, name);
        await QueueIsAsync(name, 1);

        dying.Kill();

        await ReleaseAsync(1, name, await Eventually.CompletesAsync("the waiter over HTTP is served", waiter));
    }

    /// <summary>A <c>ReadLock</c> of kazoo as it comes waits for the writer that came later, who waits for it.</summary>
    [Theory, MemberData(nameof(Libraries))]
    public async Task A_native_reader_is_served_before_a_writer_that_came_after_it(string library)
    {
        string name = $"order-{library}";
        Answer first = await AcquireAsync(0, name);
        Task<bool> reader = clients[library].AcquireAsync(0, PathOf(name), shared: true);
        await QueueIsAsync(name, 1);
        Task<Answer> second = AcquireAsync(0, name);
        await QueueIsAsync(name, 2);

        await ReleaseAsync(1, name, first);

        Assert.True(await reader);
        Assert.False(second.IsCompleted, "the writer has the lock beside the reader");
        await clients[library].ReleaseAsync(0);
        await ReleaseAsync(1, name, await Eventually.CompletesAsync("the writer is served", second));
    }

    private static string PathOf(string name) => $"/lockservice/locks/{name}";

    private async Task<Answer> AcquireAsync(int instance, string name, string mode = "exclusive", int ttlMs = 60_000)
    {
        Answer grant = await clients.Cluster[instance].PostAsync($"/v1/locks/{name}/acquire", new { ttlMs, waitMs = 60_000, mode });
        Assert.True(grant.Status == HttpStatusCode.OK, grant.ToString());
        return grant;
    }

    private async Task ReleaseAsync(int instance, string name, Answer grant)
    {
        Answer released = await clients.Cluster[instance].PostAsync($"/v1/locks/{name}/release", new { leaseId = grant.Text("leaseId") });
        Assert.True(released.Status == HttpStatusCode.NoContent, released.ToString());
    }

    private Task<Answer> QueueIsAsync(string name, int length) => StateIsAsync(name, $"{length} wait for '{name}'", state => state.Number("queueLength") == length);

    private Task<Answer> HoldersAreAsync(string name, int count) =>
        StateIsAsync(name, $"{count} hold '{name}'", state => state.Body.GetProperty("holders").GetArrayLength() == count);

    private async Task<Answer> StateIsAsync(string name, string reason, Func<Answer, bool> condition)
    {
        Answer state = null!;
        await Eventually.TrueAsync(reason, async () => condition(state = await clients.Cluster.Two.GetAsync($"/v1/locks/{name}")));
        return state;
    }
}
