using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Leases on several locks under keys: granted once, and whoever asks again may count on what he is told again.</summary>
[Collection("zookeeper")]
public sealed class MultiLockKeyTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly LockMember[] s_locks = MultiLockTests.Locks("b/shared", "a");
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task A_repeated_acquire_gets_the_same_lease_through_any_instance()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        MultiGrant first = await GrantedAsync(one, "k");

        KeyedRequest request = KeyedCallsTests.Request("k");
        MultiGrant again = await MultiLockTests.GrantedAsync(two.MultiLocks.AcquireAsync(s_locks, Options(request), default));

        Assert.True(request.Replayed);
        Assert.Equal((first.LeaseId, first.FencingToken, first.AcquiredAt), (again.LeaseId, again.FencingToken, again.AcquiredAt));
        Assert.Equal(first.Locks, again.Locks);
        Assert.Single(await _instances.ContendersAsync("a"));
        Assert.Single(await _instances.ContendersAsync("b"));
    }

    [Fact]
    public async Task Two_instances_that_serve_one_acquire_at_once_grant_one_lease()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        for (int i = 0; i < 10; i++)
        {
            MultiGrant[] grants = await Task.WhenAll(GrantedAsync(one, $"k{i}"), GrantedAsync(two, $"k{i}"));

            Assert.Equal((grants[0].LeaseId, grants[0].FencingToken), (grants[1].LeaseId, grants[1].FencingToken));
            await _instances.QueueIsAsync("a", 1);
            await _instances.QueueIsAsync("b", 1);
            await one.MultiLocks.ReleaseAsync(grants[0].LeaseId, null);
        }
    }

    [Fact]
    public async Task The_lease_on_all_locks_lasts_from_each_repetition_on_and_with_what_was_waited()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        var ttl = TimeSpan.FromSeconds(2);
        LockGrant held = await Instances.GrantedAsync(one.Locks.AcquireAsync("b", new AcquireOptions { Owner = "other" }, default));
        Task<MultiGrant> waiting = GrantedAsync(one, "k", ttl, TimeSpan.FromSeconds(30));
        await _instances.QueueIsAsync("b", 2);
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        await one.Locks.ReleaseAsync("b", held.LeaseId);
        MultiGrant first = await waiting;

        long begin = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(begin) < 2 * ttl)
        {
            MultiGrant again = await GrantedAsync(two, "k", ttl, TimeSpan.FromSeconds(30));
            Assert.Equal((first.LeaseId, (long)first.Waited.TotalMilliseconds), (again.LeaseId, (long)again.Waited.TotalMilliseconds));
            await Task.Delay(ttl / 8, TimeProvider.System);
        }

        string carrier = Assert.Single(await _instances.ContendersAsync("a"));
        NodeData node = (await _instances.Observer.GetDataAsync($"/lockservice/locks/a/{carrier}"))!;
        Assert.Equal((long)(ttl + first.Waited).TotalMilliseconds, (long)ContenderRecord.Parse(node.Data)!.Lease.TotalMilliseconds);
        Assert.Single(await _instances.ContendersAsync("b"));
    }

    [Fact]
    public async Task A_lease_that_has_ended_is_not_granted_again_and_a_refusal_is_not_kept()
    {
        Coordination instance = _instances.Start();
        MultiGrant first = await GrantedAsync(instance, "k");
        Assert.IsType<MultiAcquireResult.Held>(
            await instance.MultiLocks.AcquireAsync(s_locks, Options(KeyedCallsTests.Request("other")), default));
        await instance.MultiLocks.ReleaseAsync(first.LeaseId, null);

        AcquireEnded(await instance.MultiLocks.AcquireAsync(s_locks, Options(KeyedCallsTests.Request("k")), default));

        Assert.Empty(await _instances.ContendersAsync("a"));
        await GrantedAsync(instance, "other");

        static void AcquireEnded(MultiAcquireResult result) => Assert.IsType<MultiAcquireResult.Ended>(result);
    }

    [Fact]
    public async Task A_repeated_release_and_renewal_are_answered_alike_and_an_ended_lease_is_lost()
    {
        MultiLocks one = _instances.Start().MultiLocks;
        Coordination second = _instances.Start();
        MultiLocks two = second.MultiLocks;
        MultiGrant grant = await MultiLockTests.GrantedAsync(one.AcquireAsync(s_locks, Options(null), default));
        MultiGrant? first = await one.RenewAsync(grant.LeaseId, null, KeyedCallsTests.Request("r"), default);
        MultiGrant? again = await two.RenewAsync(grant.LeaseId, null, KeyedCallsTests.Request("r"), default);
        Assert.Equal((first!.LeaseId, first.FencingToken, first.Ttl), (again!.LeaseId, again.FencingToken, again.Ttl));

        bool[] released =
        [
            await one.ReleaseAsync(grant.LeaseId, KeyedCallsTests.Request("x")),
            await two.ReleaseAsync(grant.LeaseId, KeyedCallsTests.Request("x")),
            await two.ReleaseAsync(grant.LeaseId, KeyedCallsTests.Request("y")),
        ];

        Assert.Equal([true, true, false], released);
        Assert.Null(await two.RenewAsync(grant.LeaseId, null, KeyedCallsTests.Request("r"), default));
        await Assert.ThrowsAsync<IdempotencyMismatchException>(() => two.ReleaseAsync(grant.LeaseId, KeyedCallsTests.Request("x", "another")));
    }

    [Theory]
    [InlineData("take", false)]
    [InlineData("take", true)]
    [InlineData("wait", false)]
    [InlineData("wait", true)]
    [InlineData("renew", false)]
    [InlineData("renew", true)]
    [InlineData("release", false)]
    [InlineData("release", true)]
    public async Task A_keyed_change_whose_transaction_or_answer_was_lost_takes_effect_once(string verb, bool answer)
    {
        using var proxy = new ZooKeeperProxy(zooKeeper.Server.Port);
        Coordination one = _instances.Start(proxy.ConnectString);
        Coordination two = _instances.Start();
        MultiGrant? grant = verb is "take" or "wait" ? null : await GrantedAsync(one, "before");
        LockGrant? held = verb == "wait" ? await Instances.GrantedAsync(two.Locks.AcquireAsync("b", new AcquireOptions { Owner = "other" }, default)) : null;
        Task<string>? waiting = verb == "wait" ? CallAsync(one) : null;
        if (held is not null)
        {
            await Eventually.TrueAsync("the waiter watches", () => proxy.Requests.Any(request => request.Kind == RequestKind.GetData));
            await _instances.QueueIsAsync("b", 2);
        }

        Task struck = answer ? proxy.DropNextReply(RequestKind.Multi) : proxy.CutBeforeForwarding(RequestKind.Multi);
        if (held is not null)
        {
            await two.Locks.ReleaseAsync("b", held.LeaseId);
        }

        string[] answers = [waiting is null ? await CallAsync(one) : await waiting, await CallAsync(one), await CallAsync(two)];

        Assert.True(struck.IsCompleted);
        Assert.Single(answers.Distinct());
        Assert.Equal(verb == "release" ? 0 : 1, (await _instances.ContendersAsync("a")).Count);
        Assert.Equal(verb == "release" ? 0 : 1, (await _instances.ContendersAsync("b")).Count);

        async Task<string> CallAsync(Coordination instance) => verb switch
        {
            "take" or "wait" => (await GrantedAsync(instance, "k", wait: TimeSpan.FromSeconds(30))).LeaseId,
            "renew" => (await instance.MultiLocks.RenewAsync(grant!.LeaseId, null, KeyedCallsTests.Request("k"), default))!.LeaseId,
            _ => (await instance.MultiLocks.ReleaseAsync(grant!.LeaseId, KeyedCallsTests.Request("k"))).ToString(),
        };
    }

    [Fact]
    public async Task A_grant_whose_caller_has_left_is_kept_for_his_repetition()
    {
        using var proxy = new ZooKeeperProxy(zooKeeper.Server.Port);
        Coordination one = _instances.Start(proxy.ConnectString);
        Coordination two = _instances.Start();
        LockGrant held = await Instances.GrantedAsync(two.Locks.AcquireAsync("b", new AcquireOptions { Owner = "other" }, default));
        using var leaving = new CancellationTokenSource();
        AcquireOptions options = Options(KeyedCallsTests.Request("k")) with { Wait = TimeSpan.FromSeconds(30) };
        Task<MultiAcquireResult> lost = one.MultiLocks.AcquireAsync(s_locks, options, leaving.Token);
        await Eventually.TrueAsync("the waiter watches", () => proxy.Requests.Any(request => request.Kind == RequestKind.GetData));
        Task promoted = proxy.SwallowNextReply(RequestKind.Multi);
        await two.Locks.ReleaseAsync("b", held.LeaseId);
        await Eventually.CompletesAsync("the grant is under way", promoted);
        await Eventually.TrueAsync("somebody holds it", async () => (await two.Locks.GetAsync("b", default)).Holders.Count == 1);
        await leaving.CancelAsync();
        await Eventually.TrueAsync("the caller has left, or was told", () => lost.IsCompleted);

        MultiGrant again = await GrantedAsync(two, "k", wait: TimeSpan.FromSeconds(30));

        await _instances.QueueIsAsync("a", 1);
        await _instances.QueueIsAsync("b", 1);
        Assert.NotNull(await two.MultiLocks.RenewAsync(again.LeaseId, null, null, default));
    }

    private static AcquireOptions Options(KeyedRequest? key) => new() { Owner = "test", Key = key };

    private static Task<MultiGrant> GrantedAsync(Coordination instance, string key, TimeSpan? ttl = null, TimeSpan wait = default) =>
        MultiLockTests.GrantedAsync(instance.MultiLocks.AcquireAsync(
            s_locks, Options(KeyedCallsTests.Request(key)) with { Ttl = ttl ?? TimeSpan.FromSeconds(30), Wait = wait }, default));
}
