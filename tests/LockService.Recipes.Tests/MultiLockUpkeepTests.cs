using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What becomes of a lease on several locks when those who know of it are gone, or nodes of it are.</summary>
[Collection("zookeeper")]
public sealed class MultiLockUpkeepTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task A_lease_whose_instance_is_gone_can_be_renewed_and_ends_on_all_locks_in_its_time()
    {
        Coordination granting = _instances.Start();
        Coordination staying = _instances.Start();
        MultiGrant grant = await GrantedAsync(granting.MultiLocks.AcquireAsync(Locks("a", "b"), s_try with { Ttl = TimeSpan.FromSeconds(2) }, default));
        await Eventually.TrueAsync("the other instance is there", () => staying.Status.Connected);

        await granting.DisposeAsync();

        Assert.NotNull(await staying.MultiLocks.RenewAsync(grant.LeaseId, null, null, default));
        await _instances.QueueIsAsync("a", 0);
        Assert.Empty(await _instances.ContendersAsync("b"));
    }

    [Fact]
    public async Task A_lease_that_only_a_waiter_for_one_of_its_other_locks_has_seen_ends()
    {
        Coordination granting = _instances.Start();
        Coordination waiting = _instances.Start(change: options => options with { SweepInterval = TimeSpan.FromHours(1) });
        MultiGrant grant = await GrantedAsync(granting.MultiLocks.AcquireAsync(Locks("a", "b"), s_try with { Ttl = TimeSpan.FromSeconds(2) }, default));
        Task<AcquireResult> behind = waiting.Locks.AcquireAsync("b", s_wait, default);
        await _instances.QueueIsAsync("b", 2);

        await granting.DisposeAsync();

        Assert.True((await Instances.GrantedAsync(behind)).FencingToken > grant.FencingToken);
        Assert.Empty(await _instances.ContendersAsync("a"));
    }

    [Fact]
    public async Task Places_of_an_instance_that_is_gone_do_not_block_any_of_the_locks()
    {
        using var proxy = new ZooKeeperProxy(zooKeeper.Server.Port);
        Coordination dying = _instances.Start(proxy.ConnectString);
        Coordination staying = _instances.Start();
        LockGrant held = await Instances.GrantedAsync(staying.Locks.AcquireAsync("a", s_try, default));
        Task<MultiAcquireResult> dead = dying.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, default);
        await _instances.QueueIsAsync("b", 1);
        Task<MultiAcquireResult> next = staying.MultiLocks.AcquireAsync(Locks("b", "a"), s_wait, default);
        await _instances.QueueIsAsync("b", 2);

        // As if the process had been killed: nothing of it reaches ZooKeeper any more.
        proxy.Refuse();
        proxy.Cut();
        await staying.Locks.ReleaseAsync("a", held.LeaseId);

        Assert.True((await GrantedAsync(next)).FencingToken > held.FencingToken);
        proxy.Admit();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("the lost one is answered", dead));
        await _instances.QueueIsAsync("a", 1);
        await _instances.QueueIsAsync("b", 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_holder_whose_lease_was_removed_past_the_service_is_removed_as_soon_as_it_is_seen(bool byWaiter)
    {
        Coordination granting = _instances.Start();
        Coordination other = _instances.Start();
        await GrantedAsync(granting.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        await _instances.Observer.DeleteAsync($"/lockservice/locks/a/{Assert.Single(await _instances.ContendersAsync("a"))}");

        if (byWaiter)
        {
            await Instances.GrantedAsync(other.Locks.AcquireAsync("b", s_wait, default));
        }
        else
        {
            await other.Locks.GetAsync("b", default);
            await _instances.QueueIsAsync("b", 0);
        }
    }

    [Theory]
    [InlineData("expiry")]
    [InlineData("release")]
    [InlineData("release elsewhere")]
    public async Task A_lease_of_which_a_holder_was_removed_past_the_service_ends_all_the_same(string end)
    {
        Coordination instance = _instances.Start();
        var ttl = TimeSpan.FromSeconds(end == "expiry" ? 1 : 60);
        MultiGrant grant = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b", "c"), s_try with { Ttl = ttl }, default));
        await _instances.Observer.DeleteAsync($"/lockservice/locks/b/{Assert.Single(await _instances.ContendersAsync("b"))}");

        if (end != "expiry")
        {
            Coordination releasing = end == "release" ? instance : _instances.Start();
            Assert.True(await releasing.MultiLocks.ReleaseAsync(grant.LeaseId, null));
        }

        await _instances.QueueIsAsync("a", 0);
        Assert.Empty(await _instances.ContendersAsync("c"));
    }

    [Theory]
    [InlineData("a", 0)]
    [InlineData("b", 0)]
    [InlineData("b", 60)]
    public async Task Breaking_one_lock_ends_the_lease_on_all_and_closes_them_if_that_was_asked_for(string broken, int delay)
    {
        Coordination granting = _instances.Start();
        Coordination breaking = _instances.Start();
        AcquireOptions options = s_try with { LockDelay = TimeSpan.FromSeconds(delay) };
        MultiGrant grant = await GrantedAsync(granting.MultiLocks.AcquireAsync(Locks("a", "b/shared", "c"), options, default));
        await Instances.GrantedAsync(granting.Locks.AcquireAsync("b", s_try with { Mode = LockMode.Shared }, default));

        await breaking.Locks.BreakAsync(broken, new BreakOptions { Caller = "test" });

        Assert.Null(await granting.MultiLocks.RenewAsync(grant.LeaseId, null, null, default));
        foreach (string name in new[] { "a", "b", "c" })
        {
            LockState state = await granting.Locks.GetAsync(name, default);
            Assert.Equal(name == "b" && broken == "a" ? 1 : 0, state.Holders.Count);
            Assert.Equal(delay > 0, state.Closed is not null);
        }
    }

    [Fact]
    public async Task A_lease_that_ran_out_closes_all_its_locks_for_the_time_that_was_asked_for()
    {
        Coordination instance = _instances.Start();
        AcquireOptions options = s_try with { Ttl = TimeSpan.FromSeconds(1), LockDelay = TimeSpan.FromSeconds(2) };
        await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), options, default));
        await Eventually.TrueAsync("the lease has ended", async () => (await instance.Locks.GetAsync("a", default)).Holders.Count == 0);

        var refused = Assert.IsType<MultiAcquireResult.Held>(await instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        MultiGrant next = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, default));

        Assert.All(refused.States, state => Assert.NotNull(state.Closed));
        Assert.InRange(refused.RetryAfter, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2));
        await instance.MultiLocks.ReleaseAsync(next.LeaseId, null);
        await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
    }

    [Fact]
    public async Task A_lease_of_which_a_holder_was_removed_past_the_service_can_be_broken()
    {
        Coordination instance = _instances.Start();
        await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b", "c"), s_try with { LockDelay = TimeSpan.FromSeconds(60) }, default));
        await _instances.Observer.DeleteAsync($"/lockservice/locks/b/{Assert.Single(await _instances.ContendersAsync("b"))}");

        await instance.Locks.BreakAsync("c", new BreakOptions { Caller = "test" });

        Assert.NotNull((await instance.Locks.GetAsync("a", default)).Closed);
        Assert.Empty(await _instances.ContendersAsync("b"));
    }

    [Fact]
    public async Task Locks_that_were_used_once_leave_nothing_behind()
    {
        MultiLocks locks = _instances.Start().MultiLocks;
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            MultiGrant grant = await GrantedAsync(locks.AcquireAsync(Locks($"once-{i}", $"twice-{i / 2}"), s_wait, default));
            await locks.ReleaseAsync(grant.LeaseId, null);
        }));

        await Eventually.TrueAsync(
            "all directories are gone",
            async () => (await _instances.Observer.GetChildrenAsync("/lockservice/locks"))!.Names.Count == 0,
            TimeSpan.FromSeconds(60));
    }

    private static LockMember[] Locks(params string[] names) => MultiLockTests.Locks(names);

    private static Task<MultiGrant> GrantedAsync(Task<MultiAcquireResult> acquiring) => MultiLockTests.GrantedAsync(acquiring);
}
