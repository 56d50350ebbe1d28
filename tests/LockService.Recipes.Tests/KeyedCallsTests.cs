using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What holds for every request under a key, shown with increments.</summary>
[Collection("another zookeeper")]
public sealed class KeyedCallsTests(ZooKeeperFixture zookeeper)
{
    private const string Path = "/lockservice/counters/c";

    private static readonly CancellationToken s_never = CancellationToken.None;

    [Fact]
    public async Task A_repeated_request_takes_effect_once_and_is_answered_alike_through_any_instance()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        KeyedRequest[] requests = [Request("k"), Request("k"), Request("k")];

        IncrementResult first = await IncrementAsync(one, requests[0]);
        await IncrementAsync(two, null);
        IncrementResult[] again = [await IncrementAsync(one, requests[1]), await IncrementAsync(two, requests[2])];

        Assert.Equal([first, first], again);
        Assert.Equal([false, true, true], requests.Select(request => request.Replayed));
        Assert.Equal("2", await one.TextAsync(Path));
    }

    [Fact]
    public async Task A_key_that_was_used_for_another_request_is_refused()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await IncrementAsync(instance, Request("k", "one"));

        await Assert.ThrowsAsync<IdempotencyMismatchException>(() => IncrementAsync(instance, Request("k", "another")));

        Assert.Equal("1", await instance.TextAsync(Path));
    }

    [Fact]
    public async Task Keys_of_different_scopes_never_meet()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        await IncrementAsync(instance, Request("k", scope: "one"));
        await IncrementAsync(instance, Request("k", scope: "another"));

        Assert.Equal("2", await instance.TextAsync(Path));
    }

    [Fact]
    public async Task While_a_request_is_served_its_repetition_is_refused_and_answered_afterwards()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await IncrementAsync(instance, null);
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<IncrementResult> first = IncrementAsync(instance, Request("k"));

        await Assert.ThrowsAsync<IdempotencyInProgressException>(() => IncrementAsync(instance, Request("k")));

        instance.Proxy.Resume();
        Assert.Equal(await first, await IncrementAsync(instance, Request("k")));
    }

    [Fact]
    public async Task Two_instances_that_serve_one_request_at_once_have_one_effect_and_one_answer()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);

        for (int i = 0; i < 50; i++)
        {
            IncrementResult[] answers = await Task.WhenAll(IncrementAsync(one, Request($"k{i}")), IncrementAsync(two, Request($"k{i}")));

            Assert.Equal(new IncrementResult(i + 1, i, InRange: true), answers[0]);
            Assert.Equal(answers[0], answers[1]);
        }

        Assert.Equal("50", await one.TextAsync(Path));
    }

    [Fact]
    public async Task A_request_whose_outcome_was_unknown_is_settled_by_its_repetition()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper, storeDeadline: TimeSpan.FromSeconds(1));
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await Eventually.TrueAsync("the counter is there", async () => (await IncrementAsync(two, null)).Value > 0);
        await Eventually.TrueAsync("the lane and the shard are there", () => TryAsync(() => IncrementAsync(one, Request("warm"))));
        string before = (await two.TextAsync(Path))!;
        Task dropped = one.Proxy.DropNextReply(RequestKind.Multi);
        one.Proxy.Refuse();

        await Assert.ThrowsAsync<EffectUnknownException>(() => IncrementAsync(one, Request("k")));
        await dropped;
        IncrementResult settled = await IncrementAsync(two, Request("k"));
        one.Proxy.Admit();
        IncrementResult there = default;
        await Eventually.TrueAsync("the first instance answers again", () => TryAsync(async () => there = await IncrementAsync(one, Request("k"))));

        Assert.Equal(settled, there);
        Assert.Equal(before, $"{settled.Previous}");
        Assert.Equal($"{settled.Value}", await two.TextAsync(Path));
    }

    [Fact]
    public async Task A_refusal_is_not_kept_and_the_key_may_be_used_again()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await IncrementAsync(instance, null);

        IncrementResult refused = await IncrementAsync(instance, Request("k"), max: 1);
        await instance.Counters.IncrementAsync("c", new IncrementOptions { By = -1 }, s_never);
        IncrementResult done = await IncrementAsync(instance, Request("k"), max: 1);

        Assert.False(refused.InRange);
        Assert.Equal(new IncrementResult(1, 0, InRange: true), done);
    }

    [Fact]
    public async Task A_refusal_that_its_own_twin_caused_is_answered_with_the_twins_success()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await IncrementAsync(two, Request("warm"), max: 1);
        await two.Counters.IncrementAsync("c", new IncrementOptions { By = -1 }, s_never);
        await IncrementAsync(one, Request("k"), max: 1);
        // The first look comes from a server that has not heard of the twin yet.
        Task struck = two.Proxy.RewriteNextReply(NoNode, RequestKind.GetData);

        var request = Request("k");
        IncrementResult answer = await IncrementAsync(two, request, max: 1);

        Assert.True(struck.IsCompleted);
        Assert.Equal(new IncrementResult(1, 0, InRange: true), answer);
        Assert.True(request.Replayed);
    }

    [Fact]
    public async Task Many_keyed_increments_of_one_counter_share_changes()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => IncrementAsync(instance, Request($"{i}"))));
        int before = instance.Proxy.Requests.Count(request => request.Kind == RequestKind.Multi);

        IncrementResult[] all = await Task.WhenAll(Enumerable.Range(400, 400).Select(i => IncrementAsync(instance, Request($"{i}"))));
        IncrementResult[] again = await Task.WhenAll(Enumerable.Range(400, 400).Select(i => IncrementAsync(instance, Request($"{i}"))));

        Assert.Equal(all, again);
        Assert.Equal(Enumerable.Range(401, 400), all.Select(result => (int)result.Value).Order());
        int multis = instance.Proxy.Requests.Count(request => request.Kind == RequestKind.Multi) - before;
        Assert.InRange(multis, 3, 200);
    }

    [Fact]
    public async Task One_repetition_among_many_increments_costs_the_others_nothing()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await IncrementAsync(one, Request("repeated"));
        await IncrementAsync(two, Request("warm"));
        Task struck = two.Proxy.RewriteNextReply(NoNode, RequestKind.GetData);

        Task<IncrementResult> repeated = IncrementAsync(two, Request("repeated"));
        Task<IncrementResult>[] others = [.. Enumerable.Range(0, 20).Select(i => IncrementAsync(two, Request($"{i}")))];

        Assert.Equal(1, (await repeated).Value);
        Assert.True(struck.IsCompleted);
        Assert.Equal(Enumerable.Range(3, 20), (await Task.WhenAll(others)).Select(result => (int)result.Value).Order());
    }

    [Fact]
    public async Task Keys_go_on_after_all_data_was_removed()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await IncrementAsync(instance, Request("k"));
        await DeleteTreeAsync(instance.Direct, "/lockservice/idempotency");

        Assert.Equal(2, (await IncrementAsync(instance, Request("k"))).Value);
        Assert.Equal(2, (await IncrementAsync(instance, Request("k"))).Value);
    }

    internal static KeyedRequest Request(string key, string content = "", string scope = "test") =>
        new(scope, key, SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    private static Task<IncrementResult> IncrementAsync(TestInstance instance, KeyedRequest? request, long max = long.MaxValue) =>
        instance.Counters.IncrementAsync("c", new IncrementOptions { Key = request, Max = max }, s_never);

    private static async Task<bool> TryAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (CoordinationException)
        {
            return false;
        }
    }

    /// <summary>The same reply, saying that there is no such node.</summary>
    private static byte[] NoNode(byte[] reply)
    {
        byte[] header = reply[..16];
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(12), (int)ErrorCode.NoNode);
        return header;
    }

    private static async Task DeleteTreeAsync(ZooKeeperClient client, string path)
    {
        foreach (string child in (await client.GetChildrenAsync(path))!.Names)
        {
            await DeleteTreeAsync(client, $"{path}/{child}");
        }

        await client.DeleteAsync(path);
    }
}
