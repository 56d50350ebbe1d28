using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Locks that stay closed for a while after a lease that its holder did not end.</summary>
[Collection("zookeeper")]
public sealed class LockDelayTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly TimeSpan s_delay = TimeSpan.FromSeconds(3);
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };
    private static readonly AcquireOptions s_short = s_try with { Ttl = TimeSpan.FromMilliseconds(500), LockDelay = s_delay };
    private static readonly BreakOptions s_break = new() { Caller = "admin" };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task After_a_lease_has_run_out_the_lock_is_closed_to_who_tries_and_opens_to_who_waits()
    {
        Locks locks = _instances.Start().Locks;
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_short, default));
        Task<AcquireResult> waiting = other.AcquireAsync("report", s_wait, default);
        await IsClosedAsync("report");
        long closed = TimeProvider.System.GetTimestamp();

        var refused = Assert.IsType<AcquireResult.Held>(await other.AcquireAsync("report", s_try, default));
        LockState state = await locks.GetAsync("report", default);

        Assert.Empty(refused.State.Holders);
        Assert.InRange(refused.RetryAfter, TimeSpan.FromMilliseconds(1), s_delay);
        Assert.Empty(state.Holders);
        Assert.InRange(state.Closed!.Value, TimeSpan.FromMilliseconds(1), s_delay);
        Assert.Equal(1, state.QueueLength);
        LockGrant next = await Instances.GrantedAsync(waiting);
        Assert.True(TimeProvider.System.GetElapsedTime(closed) > s_delay - TimeSpan.FromSeconds(1), "the lock opened early");
        Assert.True(next.FencingToken > held.FencingToken);
        Assert.Null((await locks.GetAsync("report", default)).Closed);
    }

    [Fact]
    public async Task A_lease_that_is_released_leaves_the_lock_open()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { LockDelay = TimeSpan.FromMinutes(10) }, default));

        await locks.ReleaseAsync("report", held.LeaseId);

        await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
    }

    [Fact]
    public async Task A_delay_survives_renewals()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { LockDelay = TimeSpan.FromMinutes(10) }, default));

        await locks.RenewAsync("report", held.LeaseId, TimeSpan.FromMilliseconds(500), default);

        await IsClosedAsync("report");
    }

    [Fact]
    public async Task A_broken_lock_is_closed_and_opens_if_it_is_broken_once_more()
    {
        Locks locks = _instances.Start().Locks;
        await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { LockDelay = TimeSpan.FromMinutes(10) }, default));
        Task<AcquireResult> waiting = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);

        await locks.BreakAsync("report", s_break);
        await IsClosedAsync("report");
        Assert.IsType<AcquireResult.Held>(await locks.AcquireAsync("report", s_try, default));
        await locks.BreakAsync("report", s_break);

        await Instances.GrantedAsync(waiting);
    }

    [Fact]
    public async Task A_closure_is_nobodys_to_renew_to_verify_or_to_list()
    {
        Locks locks = _instances.Start().Locks;
        await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { LockDelay = TimeSpan.FromMinutes(10) }, default));
        await locks.BreakAsync("report", s_break);
        string closure = Assert.Single(await _instances.ContendersAsync("report"));
        Stat stat = (await _instances.Observer.ExistsAsync($"/lockservice/locks/report/{closure}"))!.Value;
        string leaseId = LeaseId.Of("report", ContenderName.Parse(closure)!);

        Assert.Null(await locks.RenewAsync("report", leaseId, null, default));
        Assert.False(await locks.ReleaseAsync("report", leaseId));
        Assert.False(await locks.VerifyAsync("report", leaseId, default));
        Assert.False(await locks.VerifyAsync("report", stat.CreatedZxid, default));
        Assert.Null(await locks.GetLeaseAsync(leaseId, default));
        Assert.Empty((await locks.ListAsync("", "", 10, default)).Items);
        Assert.Equal(0, stat.EphemeralOwner);
        Assert.Equal(closure, Assert.Single(await _instances.ContendersAsync("report")));
    }

    [Fact]
    public async Task Who_shares_the_lock_keeps_it_when_the_lease_of_another_one_runs_out_and_nobody_joins_meanwhile()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant first = await Instances.GrantedAsync(locks.AcquireAsync("report", s_short with { Mode = LockMode.Shared, LockDelay = TimeSpan.FromMinutes(10) }, default));
        LockGrant second = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared }, default));
        await IsClosedAsync("report");

        LockState state = await locks.GetAsync("report", default);

        Assert.Equal(second.FencingToken, Assert.Single(state.Holders).FencingToken);
        Assert.NotNull(state.Closed);
        Assert.NotNull(await locks.RenewAsync("report", second.LeaseId, null, default));
        Assert.True(await locks.VerifyAsync("report", second.FencingToken, default));
        Assert.False(await locks.VerifyAsync("report", first.FencingToken, default));
        Assert.IsType<AcquireResult.Held>(await locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared }, default));
    }

    [Fact]
    public async Task A_native_client_waits_until_the_lock_opens()
    {
        Locks locks = _instances.Start().Locks;
        await using var kazoo = new Kazoo(ConnectString.Parse(_instances.Servers + _instances.Chroot));
        await kazoo.EvaluateAsync("""seen.append(zk.Lock("/lockservice/locks/report", "native", extra_lock_patterns=["-__WRIT__", "-__READ__"]))""");
        await Instances.GrantedAsync(locks.AcquireAsync("report", s_short, default));
        await IsClosedAsync("report");

        Assert.False((await kazoo.EvaluateAsync("seen[0].acquire(blocking=False)")).GetBoolean());
        Assert.True((await kazoo.EvaluateAsync("seen[0].acquire(timeout=20)")).GetBoolean());
    }

    [Fact]
    public async Task Of_two_instances_that_end_a_lease_at_once_one_closes_the_lock()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        string[] names = [.. Enumerable.Range(0, 20).Select(i => $"l{i}")];
        await Task.WhenAll(names.Select(name => Instances.GrantedAsync(one.AcquireAsync(name, s_short with { LockDelay = TimeSpan.FromMinutes(10) }, default))));
        await Task.WhenAll(names.Select(name => two.GetAsync(name, default)));

        await Task.WhenAll(names.Select(IsClosedAsync));

        // Whoever was second looks once more within this time.
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System);
        foreach (string name in names)
        {
            Assert.True(ContenderName.Parse(Assert.Single(await _instances.ContendersAsync(name)))!.IsClosure);
        }
    }

    [Theory]
    [InlineData(nameof(ZooKeeperProxy.DropNextReply))]
    [InlineData(nameof(ZooKeeperProxy.CutBeforeForwarding))]
    [InlineData(nameof(ZooKeeperProxy.ResetInMidReply))]
    public async Task A_lease_ends_in_one_closure_when_the_answer_is_lost_and_that_ends_in_time(string fault)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zooKeeper);
        await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_short, default));
        Task struck = fault switch
        {
            nameof(ZooKeeperProxy.DropNextReply) => instance.Proxy.DropNextReply(RequestKind.Multi),
            nameof(ZooKeeperProxy.CutBeforeForwarding) => instance.Proxy.CutBeforeForwarding(RequestKind.Multi),
            _ => instance.Proxy.ResetInMidReply(RequestKind.Multi),
        };

        await Eventually.CompletesAsync("the fault struck", struck);
        await Eventually.TrueAsync("the lock is closed", async () => await NamesAsync(instance) is [var only] && ContenderName.Parse(only)!.IsClosure);

        await Eventually.TrueAsync("the lock opens", async () => await NamesAsync(instance) is []);
    }

    [Fact]
    public async Task A_closure_whose_instance_is_gone_is_ended_by_another_one()
    {
        Coordination closing = _instances.Start();
        Coordination staying = _instances.Start(change: o => o with { SweepInterval = TimeSpan.FromSeconds(1) });
        await Instances.GrantedAsync(closing.Locks.AcquireAsync("report", s_short, default));
        await IsClosedAsync("report");

        await closing.DisposeAsync();

        await Eventually.TrueAsync("the lock opens", async () => (await _instances.ContendersAsync("report")).Count == 0);
        await Instances.GrantedAsync(staying.Locks.AcquireAsync("report", s_try, default));
    }

    private static async Task<IReadOnlyList<string>> NamesAsync(TestInstance instance) =>
        (await instance.Direct.GetChildrenAsync("/lockservice/locks/report"))?.Names ?? [];

    private Task IsClosedAsync(string name) => Eventually.TrueAsync(
        $"'{name}' is closed", async () => (await _instances.ContendersAsync(name)).Any(contender => ContenderName.Parse(contender)!.IsClosure));
}
