using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Locks under keys: a lease is granted once, and whoever asks again may count on what he is told again.</summary>
[Collection("zookeeper")]
public sealed class LockKeyTests(ZooKeeperFixture zookeeper) : IAsyncLifetime
{
    private static readonly CancellationToken s_never = CancellationToken.None;

    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zookeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task A_repeated_acquire_gets_the_same_lease_through_any_instance()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();

        LockGrant first = await GrantedAsync(one, "k");
        KeyedRequest request = KeyedCallsTests.Request("k", scope: "l");
        LockGrant again = await Instances.GrantedAsync(two.Locks.AcquireAsync("l", Options(request), s_never));

        Assert.Equal(first with { ExpiresAt = default }, again with { ExpiresAt = default, Waited = first.Waited });
        Assert.True(request.Replayed);
        Assert.Single(await _instances.ContendersAsync("l"));
    }

    [Fact]
    public async Task Two_instances_that_serve_one_acquire_at_once_grant_one_lease()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        for (int i = 0; i < 20; i++)
        {
            LockGrant[] grants = await Task.WhenAll(GrantedAsync(one, $"k{i}", name: $"l{i}"), GrantedAsync(two, $"k{i}", name: $"l{i}"));

            Assert.Equal((grants[0].LeaseId, grants[0].FencingToken), (grants[1].LeaseId, grants[1].FencingToken));
            await _instances.QueueIsAsync($"l{i}", 1);
        }
    }

    [Fact]
    public async Task A_lease_lasts_from_each_repetition_on()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        LockGrant first = await GrantedAsync(one, "k", ttl: TimeSpan.FromSeconds(2));

        long begin = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(5))
        {
            Assert.Equal(first.LeaseId, (await GrantedAsync(two, "k", ttl: TimeSpan.FromSeconds(2))).LeaseId);
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        }

        Assert.NotNull(await one.Locks.RenewAsync("l", first.LeaseId, null, s_never));
    }

    [Fact]
    public async Task What_was_waited_is_granted_again_and_ends_with_the_next_renewal()
    {
        Coordination instance = _instances.Start();
        LockGrant before = await GrantedAsync(instance, "before");
        Task<LockGrant> waiting = GrantedAsync(instance, "k", wait: TimeSpan.FromSeconds(20));
        await _instances.QueueIsAsync("l", 2);
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        await instance.Locks.ReleaseAsync("l", before.LeaseId);
        LockGrant first = await waiting;

        LockGrant again = await GrantedAsync(instance, "k", wait: TimeSpan.FromSeconds(20));
        ContenderRecord told = await RecordAsync();
        await instance.Locks.RenewAsync("l", first.LeaseId, null, s_never);

        Assert.True(first.Waited >= TimeSpan.FromMilliseconds(300));
        Assert.Equal((long)first.Waited.TotalMilliseconds, (long)again.Waited.TotalMilliseconds);
        Assert.Equal(told.TtlMs + (long)first.Waited.TotalMilliseconds, (long)told.Lease.TotalMilliseconds);
        Assert.Equal(0, (await RecordAsync()).GraceMs);
    }

    [Fact]
    public async Task A_repetition_that_comes_late_does_not_shorten_a_lease_that_was_renewed_for_longer()
    {
        Coordination instance = _instances.Start();
        LockGrant first = await GrantedAsync(instance, "k", ttl: TimeSpan.FromSeconds(5));
        await instance.Locks.RenewAsync("l", first.LeaseId, TimeSpan.FromSeconds(5), KeyedCallsTests.Request("r"), s_never);
        await instance.Locks.RenewAsync("l", first.LeaseId, TimeSpan.FromSeconds(60), s_never);

        LockGrant again = await GrantedAsync(instance, "k", ttl: TimeSpan.FromSeconds(5));
        LockGrant? renewed = await instance.Locks.RenewAsync("l", first.LeaseId, TimeSpan.FromSeconds(5), KeyedCallsTests.Request("r"), s_never);

        Assert.Equal(TimeSpan.FromSeconds(5), again.Ttl);
        Assert.Equal(TimeSpan.FromSeconds(5), renewed!.Ttl);
        Assert.Equal(TimeSpan.FromSeconds(60), (await RecordAsync()).Lease);
    }

    [Fact]
    public async Task A_repetition_lengthens_a_lease_that_was_renewed_for_shorter()
    {
        Coordination instance = _instances.Start();
        LockGrant first = await GrantedAsync(instance, "k", ttl: TimeSpan.FromSeconds(30));
        await instance.Locks.RenewAsync("l", first.LeaseId, TimeSpan.FromSeconds(5), s_never);

        await GrantedAsync(instance, "k", ttl: TimeSpan.FromSeconds(30));

        ContenderRecord record = await RecordAsync();
        Assert.Equal(5_000, record.TtlMs);
        Assert.True(record.Lease >= TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_lease_that_has_ended_is_not_granted_again_and_the_lock_is_not_taken()
    {
        Coordination instance = _instances.Start();
        await GrantedAsync(instance, "k", ttl: TimeSpan.FromMilliseconds(500));
        await _instances.QueueIsAsync("l", 0);
        KeyedRequest request = KeyedCallsTests.Request("k", scope: "l");

        AcquireResult again = await instance.Locks.AcquireAsync("l", Options(request, TimeSpan.FromMilliseconds(500)), s_never);

        Assert.IsType<AcquireResult.Ended>(again);
        Assert.False(request.Replayed);
        Assert.Empty(await _instances.ContendersAsync("l"));
    }

    [Fact]
    public async Task A_refusal_is_not_kept()
    {
        Coordination instance = _instances.Start();
        LockGrant holder = await GrantedAsync(instance, "holder");
        Assert.IsType<AcquireResult.Held>(await instance.Locks.AcquireAsync("l", Options(KeyedCallsTests.Request("k", scope: "l")), s_never));
        await instance.Locks.ReleaseAsync("l", holder.LeaseId);

        await GrantedAsync(instance, "k");
    }

    [Fact]
    public async Task A_repeated_release_and_renewal_are_answered_alike_and_an_ended_lease_is_lost()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        LockGrant grant = await GrantedAsync(one, "k");
        LockGrant? first = await one.Locks.RenewAsync("l", grant.LeaseId, null, KeyedCallsTests.Request("r"), s_never);
        LockGrant? again = await two.Locks.RenewAsync("l", grant.LeaseId, null, KeyedCallsTests.Request("r"), s_never);
        Assert.Equal(first! with { ExpiresAt = default }, again! with { ExpiresAt = default });

        bool[] released =
        [
            await one.Locks.ReleaseAsync("l", grant.LeaseId, KeyedCallsTests.Request("x")),
            await two.Locks.ReleaseAsync("l", grant.LeaseId, KeyedCallsTests.Request("x")),
            await two.Locks.ReleaseAsync("l", grant.LeaseId, KeyedCallsTests.Request("y")),
        ];

        Assert.Equal([true, true, false], released);
        Assert.Null(await two.Locks.RenewAsync("l", grant.LeaseId, null, KeyedCallsTests.Request("r"), s_never));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_grant_whose_caller_has_left_is_kept_for_his_repetition(bool waited)
    {
        using var proxy = new ZooKeeperProxy(zookeeper.Server.Port);
        Coordination one = _instances.Start(proxy.ConnectString);
        Coordination two = _instances.Start();
        LockGrant? before = waited ? await GrantedAsync(two, "before") : null;
        await GrantedAsync(one, "warm", name: "other");
        using var leaving = new CancellationTokenSource();
        TimeSpan wait = waited ? TimeSpan.FromSeconds(20) : TimeSpan.Zero;
        Task<AcquireResult> lost = one.Locks.AcquireAsync("l", Options(KeyedCallsTests.Request("k", scope: "l"), wait: wait), leaving.Token);
        if (waited)
        {
            await _instances.QueueIsAsync("l", 2);
            Task promoted = proxy.SwallowNextReply(RequestKind.Multi);
            await two.Locks.ReleaseAsync("l", before!.LeaseId);
            await Eventually.CompletesAsync("the grant is under way", promoted);
        }

        await Eventually.TrueAsync("somebody holds it", async () => (await two.Locks.GetAsync("l", s_never)).Holders.Count == 1);
        await leaving.CancelAsync();
        await Eventually.TrueAsync("the caller has left, or was told", () => lost.IsCompleted);

        LockGrant again = await GrantedAsync(two, "k", wait: wait);

        await _instances.QueueIsAsync("l", 1);
        Assert.NotNull(await two.Locks.RenewAsync("l", again.LeaseId, null, s_never));
    }

    [Theory]
    [InlineData("acquire", false)]
    [InlineData("acquire", true)]
    [InlineData("renew", false)]
    [InlineData("renew", true)]
    [InlineData("release", false)]
    [InlineData("release", true)]
    public async Task A_keyed_change_whose_transaction_or_answer_was_lost_takes_effect_once(string verb, bool answer)
    {
        using var proxy = new ZooKeeperProxy(zookeeper.Server.Port);
        Coordination one = _instances.Start(proxy.ConnectString);
        Coordination two = _instances.Start();
        LockGrant? grant = verb == "acquire" ? null : await GrantedAsync(one, "before");
        await GrantedAsync(one, "k", name: "other");
        Task struck = answer ? proxy.DropNextReply(RequestKind.Multi) : proxy.CutBeforeForwarding(RequestKind.Multi);

        string[] answers = [await CallAsync(one), await CallAsync(one), await CallAsync(two)];

        Assert.True(struck.IsCompleted);
        Assert.Single(answers.Distinct());
        Assert.Equal(verb == "release" ? 0 : 1, (await _instances.ContendersAsync("l")).Count);

        async Task<string> CallAsync(Coordination instance) => verb switch
        {
            "acquire" => (await GrantedAsync(instance, "k")).LeaseId,
            "renew" => (await instance.Locks.RenewAsync("l", grant!.LeaseId, null, KeyedCallsTests.Request("k"), s_never))!.LeaseId,
            _ => (await instance.Locks.ReleaseAsync("l", grant!.LeaseId, KeyedCallsTests.Request("k"))).ToString(),
        };
    }

    private static AcquireOptions Options(KeyedRequest key, TimeSpan? ttl = null, TimeSpan wait = default) =>
        new() { Owner = "test", Ttl = ttl ?? TimeSpan.FromSeconds(30), Wait = wait, Key = key };

    private static Task<LockGrant> GrantedAsync(Coordination instance, string key, TimeSpan? ttl = null, TimeSpan wait = default, string name = "l") =>
        Instances.GrantedAsync(instance.Locks.AcquireAsync(name, Options(KeyedCallsTests.Request(key, scope: name), ttl, wait), s_never));

    private async Task<ContenderRecord> RecordAsync()
    {
        string holder = Assert.Single(await _instances.ContendersAsync("l"));
        NodeData node = (await _instances.Observer.GetDataAsync($"/lockservice/locks/l/{holder}"))!;
        return ContenderRecord.Parse(node.Data)!;
    }
}
