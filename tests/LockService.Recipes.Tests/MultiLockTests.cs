using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Leases on several locks: all or none, beside the callers of single locks.</summary>
[Collection("zookeeper")]
public sealed class MultiLockTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task Free_locks_are_granted_in_one_transaction_under_one_lease()
    {
        Coordination instance = _instances.Start();

        MultiGrant grant = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("c", "a", "b/shared"), s_try, default));

        Assert.Equal(
            [new LockMember("a", LockMode.Exclusive), new LockMember("b", LockMode.Shared), new LockMember("c", LockMode.Exclusive)], grant.Locks);
        foreach (string name in new[] { "a", "b", "c" })
        {
            string holder = Assert.Single(await _instances.ContendersAsync(name));
            Stat? stat = await _instances.Observer.ExistsAsync($"/lockservice/locks/{name}/{holder}");
            Assert.Equal(grant.FencingToken, stat!.Value.CreatedZxid);
            Assert.Equal(0, stat.Value.EphemeralOwner);
            Assert.DoesNotContain(ContenderName.Parse(holder)!.Guid, name == "a" ? "" : grant.LeaseId, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task One_lock_may_be_all_of_them()
    {
        MultiLocks locks = _instances.Start().MultiLocks;

        MultiGrant grant = await GrantedAsync(locks.AcquireAsync(Locks("a"), s_try, default));

        Assert.NotNull(await locks.RenewAsync(grant.LeaseId, null, null, default));
        Assert.True(await locks.ReleaseAsync(grant.LeaseId, null));
        await _instances.QueueIsAsync("a", 0);
    }

    [Fact]
    public async Task As_many_locks_as_are_allowed_with_all_that_they_may_carry_fit_in_every_transaction()
    {
        Coordination instance = _instances.Start();
        LockMember[] most = [.. Enumerable.Range(0, MultiLocks.MaxLocks).Select(i => new LockMember($"{i:d3}".PadLeft(200, 'x'), LockMode.Exclusive))];
        AcquireOptions full = s_wait with { Owner = new string('\u4e00', 200), Metadata = new Dictionary<string, string> { [""] = new string('m', 4096) } };
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync(most[^1].Name, s_try, default));
        Task<MultiAcquireResult> waiting = instance.MultiLocks.AcquireAsync(most, full, default);
        await _instances.QueueIsAsync(most[^1].Name, 2);
        await instance.Locks.ReleaseAsync(most[^1].Name, held.LeaseId);
        MultiGrant waited = await GrantedAsync(waiting);
        await instance.MultiLocks.RenewAsync(waited.LeaseId, null, null, default);
        await instance.MultiLocks.ReleaseAsync(waited.LeaseId, null);

        MultiGrant taken = await GrantedAsync(instance.MultiLocks.AcquireAsync(most, full, default));

        Assert.Equal(MultiLocks.MaxLocks, taken.Locks.Count);
        Assert.True(await instance.MultiLocks.ReleaseAsync(taken.LeaseId, null));
        Assert.Empty(await _instances.ContendersAsync(most[0].Name));
        Assert.Empty(await _instances.ContendersAsync(most[^1].Name));
    }

    [Fact]
    public async Task A_try_that_finds_one_lock_held_takes_none_and_says_who_holds()
    {
        Coordination instance = _instances.Start();
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("b", s_try with { Owner = "other" }, default));

        var refused = Assert.IsType<MultiAcquireResult.Held>(await instance.MultiLocks.AcquireAsync(Locks("a", "b", "c"), s_try, default));

        LockState state = Assert.Single(refused.States);
        Assert.Equal("b", state.Name);
        Assert.Equal((held.FencingToken, "other"), (Assert.Single(state.Holders).FencingToken, state.Holders[0].Owner));
        Assert.InRange(refused.RetryAfter, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(30));
        await _instances.QueueIsAsync("a", 0);
        await _instances.QueueIsAsync("b", 1);
        await _instances.QueueIsAsync("c", 0);
    }

    [Fact]
    public async Task A_wait_that_runs_out_leaves_nothing_behind_and_says_who_holds()
    {
        Coordination instance = _instances.Start();
        await Instances.GrantedAsync(instance.Locks.AcquireAsync("b", s_try, default));
        MultiGrant both = await GrantedAsync(_instances.Start().MultiLocks.AcquireAsync(Locks("c", "d"), s_try, default));

        var refused = Assert.IsType<MultiAcquireResult.Held>(
            await instance.MultiLocks.AcquireAsync(Locks("a", "b", "c"), s_try with { Wait = TimeSpan.FromMilliseconds(300) }, default));

        Assert.Equal(["b", "c"], refused.States.Select(state => state.Name));
        Assert.Equal(both.FencingToken, refused.States[1].Holders[0].FencingToken);
        await _instances.QueueIsAsync("a", 0);
        await _instances.QueueIsAsync("b", 1);
        await _instances.QueueIsAsync("c", 1);
    }

    [Fact]
    public async Task Readers_share_and_a_writer_of_one_of_them_waits_for_all()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        MultiGrant first = await GrantedAsync(one.MultiLocks.AcquireAsync(Locks("a/shared", "b/shared"), s_try, default));
        MultiGrant second = await GrantedAsync(two.MultiLocks.AcquireAsync(Locks("b/shared", "a/shared"), s_try, default));
        Task<MultiAcquireResult> writer = one.MultiLocks.AcquireAsync(Locks("a/shared", "b"), s_wait, default);
        await _instances.QueueIsAsync("b", 3);
        Assert.IsType<MultiAcquireResult.Held>(await two.MultiLocks.AcquireAsync(Locks("a/shared", "b/shared"), s_try, default));

        await one.MultiLocks.ReleaseAsync(second.LeaseId, null);
        Assert.False(writer.IsCompleted);
        await two.MultiLocks.ReleaseAsync(first.LeaseId, null);

        MultiGrant granted = await GrantedAsync(writer);
        Assert.True(granted.FencingToken > second.FencingToken);
        await Instances.GrantedAsync(two.Locks.AcquireAsync("a", s_try with { Mode = LockMode.Shared }, default));
    }

    [Fact]
    public async Task Each_lock_is_served_in_order_of_arrival_whether_one_or_several_are_asked_for()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        LockGrant holder = await Instances.GrantedAsync(one.Locks.AcquireAsync("a", s_try, default));
        Task<AcquireResult> first = two.Locks.AcquireAsync("a", s_wait, default);
        await _instances.QueueIsAsync("a", 2);
        Task<MultiAcquireResult> second = one.MultiLocks.AcquireAsync(Locks("b", "a"), s_wait, default);
        await _instances.QueueIsAsync("a", 3);
        Task<AcquireResult> third = one.Locks.AcquireAsync("a", s_wait, default);
        await _instances.QueueIsAsync("a", 4);
        Task<MultiAcquireResult> fourth = two.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, default);
        await _instances.QueueIsAsync("a", 5);
        // Nobody holds it, but somebody who came before waits for it.
        Assert.IsType<AcquireResult.Held>(await two.Locks.AcquireAsync("b", s_try, default));

        await one.Locks.ReleaseAsync("a", holder.LeaseId);
        holder = await Instances.GrantedAsync(first);
        Assert.False(second.IsCompleted || third.IsCompleted || fourth.IsCompleted);
        await one.Locks.ReleaseAsync("a", holder.LeaseId);
        MultiGrant both = await GrantedAsync(second);
        Assert.False(third.IsCompleted || fourth.IsCompleted);
        await two.MultiLocks.ReleaseAsync(both.LeaseId, null);
        holder = await Instances.GrantedAsync(third);
        Assert.False(fourth.IsCompleted);
        await one.Locks.ReleaseAsync("a", holder.LeaseId);

        Assert.True((await GrantedAsync(fourth)).FencingToken > holder.FencingToken);
    }

    [Fact]
    public async Task A_waiter_of_a_single_lock_hears_at_once_that_the_several_before_it_left_or_were_released()
    {
        Coordination instance = _instances.Start();
        await Instances.GrantedAsync(instance.Locks.AcquireAsync("a", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task<MultiAcquireResult> leaving = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, hangUp.Token);
        await _instances.QueueIsAsync("b", 1);
        Task<AcquireResult> behind = instance.Locks.AcquireAsync("b", s_wait, default);
        await _instances.QueueIsAsync("b", 2);

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", leaving));
        // Somebody who is not told looks after 30 s.
        await Eventually.CompletesAsync("the next one has the lock", behind, TimeSpan.FromSeconds(10));
        await _instances.QueueIsAsync("a", 1);
    }

    [Fact]
    public async Task The_end_of_the_lease_ends_it_on_all_locks_although_nobody_waits()
    {
        MultiLocks locks = _instances.Start().MultiLocks;
        MultiGrant grant = await GrantedAsync(locks.AcquireAsync(Locks("a", "b", "c"), s_try with { Ttl = TimeSpan.FromSeconds(1) }, default));

        await _instances.QueueIsAsync("a", 0);

        // All went in one transaction.
        Assert.Empty(await _instances.ContendersAsync("b"));
        Assert.Empty(await _instances.ContendersAsync("c"));
        Assert.Null(await locks.RenewAsync(grant.LeaseId, null, null, default));
        Assert.False(await locks.ReleaseAsync(grant.LeaseId, null));
    }

    [Fact]
    public async Task A_renewal_through_another_instance_keeps_all_locks_and_is_seen_on_each_of_them()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        var ttl = TimeSpan.FromSeconds(2);
        MultiGrant grant = await GrantedAsync(one.MultiLocks.AcquireAsync(Locks("a", "b/shared"), s_try with { Ttl = ttl }, default));
        long started = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(started) < 2 * ttl)
        {
            MultiGrant? renewed = await two.MultiLocks.RenewAsync(grant.LeaseId, null, null, default);
            Assert.Equal((grant.FencingToken, ttl), (renewed!.FencingToken, renewed.Ttl));
            Assert.Equal(grant.Locks, renewed.Locks);
            await Task.Delay(ttl / 8, TimeProvider.System);
        }

        await two.MultiLocks.RenewAsync(grant.LeaseId, TimeSpan.FromMinutes(1), null, default);

        foreach (string name in new[] { "a", "b" })
        {
            foreach (Coordination instance in new[] { one, two })
            {
                LockHolder holder = Assert.Single((await instance.Locks.GetAsync(name, default)).Holders);
                Assert.Equal(grant.FencingToken, holder.FencingToken);
                Assert.InRange(holder.Remaining!.Value, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1));
            }
        }
    }

    [Fact]
    public async Task A_lease_on_several_locks_is_none_of_a_single_lock()
    {
        Coordination instance = _instances.Start();
        MultiGrant grant = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        LockGrant single = await Instances.GrantedAsync(instance.Locks.AcquireAsync("c", s_try, default));
        string member = Assert.Single(await _instances.ContendersAsync("b"));
        string memberLease = LeaseId.Of("b", ContenderName.Parse(member)!);

        foreach ((string name, string lease) in new[] { ("a", grant.LeaseId), ("b", grant.LeaseId), ("b", memberLease) })
        {
            Assert.Null(await instance.Locks.RenewAsync(name, lease, null, default));
            Assert.False(await instance.Locks.ReleaseAsync(name, lease));
        }

        foreach (string lease in new[] { memberLease, single.LeaseId, "", ".", "x.a", new string('A', 28) + ".a", grant.LeaseId + "x", grant.LeaseId[..^1] })
        {
            Assert.Null(await instance.MultiLocks.RenewAsync(lease, null, null, default));
            Assert.False(await instance.MultiLocks.ReleaseAsync(lease, null));
        }

        Assert.NotNull(await instance.MultiLocks.RenewAsync(grant.LeaseId, null, null, default));
        Assert.Single(await _instances.ContendersAsync("a"));
        Assert.Equal([member], await _instances.ContendersAsync("b"));
        Assert.NotNull(await instance.Locks.RenewAsync("c", single.LeaseId, null, default));
    }

    [Fact]
    public async Task A_lease_is_looked_up_and_verified_for_each_of_its_locks_while_it_lasts()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        MultiGrant grant = await GrantedAsync(one.MultiLocks.AcquireAsync(Locks("a", "b/shared"), s_try, default));
        string memberLease = LeaseId.Of("b", ContenderName.Parse(Assert.Single(await _instances.ContendersAsync("b")))!);

        LeaseState? lease = await two.Locks.GetLeaseAsync(grant.LeaseId, default);

        Assert.Equal(grant.Locks, lease!.Locks);
        Assert.Equal((grant.FencingToken, grant.Ttl, "me"), (lease.Holder.FencingToken, lease.Ttl, lease.Holder.Owner));
        Assert.InRange(lease.Holder.Remaining!.Value, TimeSpan.FromSeconds(20), grant.Ttl);
        Assert.Null(await two.Locks.GetLeaseAsync(memberLease, default));
        foreach ((string name, bool valid) in new[] { ("a", true), ("b", true), ("c", false) })
        {
            Assert.Equal(valid, await two.Locks.VerifyAsync(name, grant.LeaseId, default));
        }

        Assert.True(await two.Locks.VerifyAsync("b", grant.FencingToken, default));
        Assert.False(await two.Locks.VerifyAsync("b", memberLease, default));
        await one.MultiLocks.ReleaseAsync(grant.LeaseId, null);
        Assert.Null(await two.Locks.GetLeaseAsync(grant.LeaseId, default));
        Assert.False(await two.Locks.VerifyAsync("b", grant.LeaseId, default));
        Assert.False(await two.Locks.VerifyAsync("b", grant.FencingToken, default));
    }

    [Fact]
    public async Task A_release_through_another_instance_frees_all_locks_and_those_who_wait_get_them()
    {
        Coordination one = _instances.Start();
        Coordination two = _instances.Start();
        MultiGrant grant = await GrantedAsync(one.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        Task<AcquireResult> a = one.Locks.AcquireAsync("a", s_wait, default);
        Task<AcquireResult> b = two.Locks.AcquireAsync("b", s_wait, default);
        await _instances.QueueIsAsync("a", 2);
        await _instances.QueueIsAsync("b", 2);

        Assert.True(await two.MultiLocks.ReleaseAsync(grant.LeaseId, null));

        Assert.True((await Instances.GrantedAsync(a)).FencingToken > grant.FencingToken);
        Assert.True((await Instances.GrantedAsync(b)).FencingToken > grant.FencingToken);
        Assert.False(await one.MultiLocks.ReleaseAsync(grant.LeaseId, null));
    }

    [Fact]
    public async Task A_waiter_that_hangs_up_or_is_drained_leaves_no_waiter_in_any_queue()
    {
        Coordination holding = _instances.Start();
        Coordination waiting = _instances.Start();
        await Instances.GrantedAsync(holding.Locks.AcquireAsync("c", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task<MultiAcquireResult> hanging = waiting.MultiLocks.AcquireAsync(Locks("a", "b", "c"), s_wait, hangUp.Token);
        await _instances.QueueIsAsync("c", 2);
        Task<MultiAcquireResult> drained = waiting.MultiLocks.AcquireAsync(Locks("a", "b", "c"), s_wait, default);
        await _instances.QueueIsAsync("a", 2);

        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", hanging));
        await _instances.QueueIsAsync("a", 1);
        waiting.Drain();
        await Assert.ThrowsAsync<DrainingException>(() => Eventually.CompletesAsync("the waiter is let go", drained));

        await Assert.ThrowsAsync<DrainingException>(() => waiting.MultiLocks.AcquireAsync(Locks("d"), s_try, default));
        await _instances.QueueIsAsync("a", 0);
        await _instances.QueueIsAsync("b", 0);
        await _instances.QueueIsAsync("c", 1);
    }

    [Fact]
    public async Task Each_lock_that_is_waited_for_counts_as_a_waiter()
    {
        Coordination instance = _instances.Start(change: options => options with { MaxWaiters = 3 });
        await Instances.GrantedAsync(instance.Locks.AcquireAsync("a", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task<MultiAcquireResult> waiting = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, hangUp.Token);
        await _instances.QueueIsAsync("a", 2);

        await Assert.ThrowsAsync<TooManyWaitersException>(() => instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, default));
        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", waiting));

        Task<MultiAcquireResult> next = instance.MultiLocks.AcquireAsync(Locks("a", "b", "c"), s_try with { Wait = TimeSpan.FromMilliseconds(100) }, default);
        Assert.IsType<MultiAcquireResult.Held>(await Eventually.CompletesAsync("the next one waits", next));
    }

    [Fact]
    public async Task Locks_are_named_once_and_not_too_many()
    {
        MultiLocks locks = _instances.Start().MultiLocks;
        LockMember[] tooMany = [.. Enumerable.Range(0, MultiLocks.MaxLocks + 1).Select(i => new LockMember($"l{i}", LockMode.Shared))];

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await locks.AcquireAsync([], s_try, default));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await locks.AcquireAsync(Locks("a", "a/shared"), s_try, default));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await locks.AcquireAsync(tooMany, s_try, default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await locks.AcquireAsync(Locks("a", ".b"), s_try, default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await locks.AcquireAsync(Locks("a"), s_try with { LeaseId = "x" }, default));
    }

    /// <summary>Names, with <c>/shared</c> behind those that are to be shared.</summary>
    internal static LockMember[] Locks(params string[] names) =>
        [.. names.Select(name => name.Split('/')).Select(name => new LockMember(name[0], name.Length > 1 ? LockMode.Shared : LockMode.Exclusive))];

    internal static async Task<MultiGrant> GrantedAsync(Task<MultiAcquireResult> acquiring)
    {
        MultiAcquireResult result = await Eventually.CompletesAsync("the acquisition is answered", acquiring, TimeSpan.FromMinutes(2));
        return Assert.IsType<MultiAcquireResult.Granted>(result).Grant;
    }
}
