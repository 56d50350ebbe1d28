using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("zookeeper")]
public sealed class LockTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task A_free_lock_is_granted_at_once_with_everything_the_holder_needs()
    {
        Locks locks = _instances.Start().Locks;

        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync(
            "report", s_try with { Owner = "billing-7", Metadata = new Dictionary<string, string> { ["job"] = "42" } }, default));

        Assert.Equal("report", grant.Name);
        Assert.Equal("billing-7", grant.Owner);
        Assert.Equal(TimeSpan.FromSeconds(30), grant.Ttl);
        Assert.True(grant.FencingToken > 0);
        LockState state = await locks.GetAsync("report", default);
        LockHolder holder = Assert.Single(state.Holders);
        Assert.Equal(("billing-7", grant.FencingToken, "42"), (holder.Owner, holder.FencingToken, holder.Metadata["job"]));
        Assert.Equal(grant.AcquiredAt, holder.AcquiredAt);
        Assert.InRange(holder.Remaining!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_held_lock_is_refused_with_its_holder_and_leaves_nothing_behind()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));

        var refused = Assert.IsType<AcquireResult.Held>(await two.AcquireAsync("report", s_try with { Owner = "other" }, default));

        Assert.Equal(held.FencingToken, Assert.Single(refused.State.Holders).FencingToken);
        Assert.Equal(0, refused.State.QueueLength);
        Assert.InRange(refused.RetryAfter, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        Assert.Single(await _instances.ContendersAsync("report"));
    }

    [Fact]
    public async Task Any_instance_renews_and_releases_what_another_granted()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));

        LockGrant? renewed = await two.RenewAsync("report", grant.LeaseId, TimeSpan.FromSeconds(60), default);

        Assert.Equal((grant.LeaseId, grant.FencingToken, TimeSpan.FromSeconds(60)), (renewed!.LeaseId, renewed.FencingToken, renewed.Ttl));
        Assert.True(await two.ReleaseAsync("report", grant.LeaseId));
        Assert.Empty(await _instances.ContendersAsync("report"));
        await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));
    }

    [Fact]
    public async Task A_renewal_without_a_ttl_keeps_the_leases_own()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(77) }, default));

        LockGrant? renewed = await locks.RenewAsync("report", grant.LeaseId, null, default);

        Assert.Equal(TimeSpan.FromSeconds(77), renewed!.Ttl);
    }

    [Fact]
    public async Task A_lease_that_never_was_or_belongs_to_another_lock_is_lost()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        Assert.Null(await locks.RenewAsync("report", "nonsense", null, default));
        Assert.Null(await locks.RenewAsync("other", grant.LeaseId, null, default));
        Assert.False(await locks.ReleaseAsync("other", grant.LeaseId));
        Assert.False(await locks.ReleaseAsync("report", grant.LeaseId[1..] + "x"));
        Assert.Single(await _instances.ContendersAsync("report"));
    }

    [Fact]
    public async Task A_second_release_is_lost_and_does_not_touch_the_successor()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant first = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        Assert.True(await locks.ReleaseAsync("report", first.LeaseId));
        LockGrant second = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        Assert.False(await locks.ReleaseAsync("report", first.LeaseId));
        Assert.Null(await locks.RenewAsync("report", first.LeaseId, null, default));

        Assert.NotNull(await locks.RenewAsync("report", second.LeaseId, null, default));
    }

    [Fact]
    public async Task A_waiter_takes_the_lock_when_it_is_released_through_another_instance()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant first = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = two.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);

        await two.ReleaseAsync("report", first.LeaseId);

        LockGrant second = await Instances.GrantedAsync(waiting);
        Assert.True(second.FencingToken > first.FencingToken);
        Assert.True(second.Waited > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_waiter_takes_the_lock_when_the_holders_lease_ends()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        long sent = TimeProvider.System.GetTimestamp();
        LockGrant first = await Instances.GrantedAsync(one.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(1) }, default));

        LockGrant second = await Instances.GrantedAsync(two.AcquireAsync("report", s_wait, default));

        Assert.True(TimeProvider.System.GetElapsedTime(sent) >= TimeSpan.FromSeconds(1), "the lease ended early");
        Assert.True(second.FencingToken > first.FencingToken);
        Assert.Null(await one.RenewAsync("report", first.LeaseId, null, default));
    }

    [Fact]
    public async Task A_lease_that_is_renewed_through_another_instance_does_not_end()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(one.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(2) }, default));
        Task<AcquireResult> waiting = one.AcquireAsync("report", s_wait, default);
        long start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(5))
        {
            Assert.NotNull(await two.RenewAsync("report", grant.LeaseId, null, default));
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        }

        Assert.False(waiting.IsCompleted);
        await two.ReleaseAsync("report", grant.LeaseId);
        await Instances.GrantedAsync(waiting);
    }

    [Fact]
    public async Task Waiters_of_two_instances_are_served_in_arrival_order()
    {
        Locks[] locks = [_instances.Start().Locks, _instances.Start().Locks];
        LockGrant held = await Instances.GrantedAsync(locks[0].AcquireAsync("report", s_try, default));
        var waiting = new List<Task<AcquireResult>>();
        for (int i = 0; i < 6; i++)
        {
            waiting.Add(locks[i % 2].AcquireAsync("report", s_wait, default));
            await _instances.QueueIsAsync("report", i + 2);
        }

        await locks[1].ReleaseAsync("report", held.LeaseId);
        for (int i = 0; i < waiting.Count; i++)
        {
            LockGrant grant = await Instances.GrantedAsync(waiting[i]);
            Assert.All(waiting.Skip(i + 1), later => Assert.False(later.IsCompleted));
            Assert.True(grant.FencingToken > held.FencingToken);
            held = grant;
            await locks[i % 2].ReleaseAsync("report", grant.LeaseId);
        }
    }

    [Fact]
    public async Task Shared_holders_hold_together_and_readers_behind_a_waiting_writer_wait()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant reader1 = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared }, default));
        LockGrant reader2 = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared }, default));
        Task<AcquireResult> writer = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 3);
        Task<AcquireResult> reader3 = locks.AcquireAsync("report", s_wait with { Mode = LockMode.Shared }, default);
        await _instances.QueueIsAsync("report", 4);

        await locks.ReleaseAsync("report", reader1.LeaseId);
        Assert.False(writer.IsCompleted);
        await locks.ReleaseAsync("report", reader2.LeaseId);

        LockGrant writing = await Instances.GrantedAsync(writer);
        Assert.False(reader3.IsCompleted);
        await locks.ReleaseAsync("report", writing.LeaseId);
        LockGrant reading = await Instances.GrantedAsync(reader3);
        Assert.True(reading.FencingToken > writing.FencingToken);
    }

    [Fact]
    public async Task A_waiter_whose_time_is_over_leaves_the_queue()
    {
        Locks locks = _instances.Start().Locks;
        await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        AcquireResult result = await locks.AcquireAsync("report", s_try with { Wait = TimeSpan.FromMilliseconds(300) }, default);

        Assert.IsType<AcquireResult.Held>(result);
        await _instances.QueueIsAsync("report", 1);
    }

    [Fact]
    public async Task A_waiter_that_hangs_up_leaves_the_queue_and_others_advance()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task<AcquireResult> leaving = locks.AcquireAsync("report", s_wait, hangUp.Token);
        await _instances.QueueIsAsync("report", 2);
        Task<AcquireResult> staying = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 3);

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        await _instances.QueueIsAsync("report", 2);
        await locks.ReleaseAsync("report", held.LeaseId);
        await Instances.GrantedAsync(staying);
    }

    [Fact]
    public async Task Draining_answers_waiters_and_removes_them_from_the_queue()
    {
        Coordination draining = _instances.Start();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = draining.Locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);

        draining.Drain();

        await Assert.ThrowsAsync<DrainingException>(() => waiting);
        await Assert.ThrowsAsync<DrainingException>(() => draining.Locks.AcquireAsync("report", s_try, default));
        await _instances.QueueIsAsync("report", 1);
        Assert.NotNull(await draining.Locks.RenewAsync("report", held.LeaseId, null, default));
    }

    [Fact]
    public async Task One_waiter_more_than_the_limit_is_refused_and_leaves_nothing_behind()
    {
        Locks locks = _instances.Start(change: o => o with { MaxWaiters = 1 }).Locks;
        await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        _ = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);

        await Assert.ThrowsAsync<TooManyWaitersException>(() => locks.AcquireAsync("report", s_wait, default));
        await _instances.QueueIsAsync("report", 2);
    }
}
