using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Leases that cannot be renewed for ever, and leases that their holders ask for once more.</summary>
[Collection("zookeeper")]
public sealed class LockHoldTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMilliseconds(1500);
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_limited = s_try with { Ttl = TimeSpan.FromSeconds(1), MaxHold = TimeSpan.FromSeconds(4) };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task A_lease_that_is_longer_than_it_may_be_held_is_shortened()
    {
        Locks locks = _instances.Start().Locks;

        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_limited with { Ttl = TimeSpan.FromHours(1) }, default));

        Assert.Equal(TimeSpan.FromSeconds(4), grant.Ttl);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_lease_that_is_renewed_all_the_time_ends_when_it_has_been_held_as_long_as_it_may(int instances)
    {
        Locks[] locks = [.. Enumerable.Range(0, instances).Select(_ => _instances.Start().Locks)];
        LockGrant? grant = await Instances.GrantedAsync(locks[0].AcquireAsync("report", s_limited, default));
        string leaseId = grant.LeaseId;
        long begin = TimeProvider.System.GetTimestamp();
        for (int i = 1; grant is not null; i++)
        {
            TimeSpan held = TimeProvider.System.GetElapsedTime(begin);
            // An instance that sees the lease for the first time may take it for younger by the time since the last renewal.
            Assert.True(held + grant.Ttl < s_limited.MaxHold + s_soon, $"after {held} it lasts {grant.Ttl}");
            await Task.Delay(TimeSpan.FromMilliseconds(150), TimeProvider.System);
            grant = await RenewAsync(locks[i % instances], leaseId);
        }

        Assert.True(TimeProvider.System.GetElapsedTime(begin) > s_limited.MaxHold - TimeSpan.FromMilliseconds(500), "it was refused early");
        await _instances.QueueIsAsync("report", 0);
        Assert.True(TimeProvider.System.GetElapsedTime(begin) >= s_limited.MaxHold, "it ended early");
    }

    [Fact]
    public async Task An_instance_that_never_saw_a_lease_goes_by_the_age_that_the_last_renewal_wrote()
    {
        Locks one = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(one.AcquireAsync("report", s_limited with { Ttl = TimeSpan.FromSeconds(3) }, default));
        long granted = TimeProvider.System.GetTimestamp();
        await Task.Delay(TimeSpan.FromMilliseconds(1500), TimeProvider.System);
        // Timers may fire a millisecond early.
        TimeSpan age = TimeProvider.System.GetElapsedTime(granted);
        await one.RenewAsync("report", grant.LeaseId, null, default);

        LockGrant? renewed = await _instances.Start().Locks.RenewAsync("report", grant.LeaseId, TimeSpan.FromMinutes(1), default);

        Assert.InRange(renewed!.Ttl, TimeSpan.FromMilliseconds(1), s_limited.MaxHold!.Value - age);
    }

    [Fact]
    public async Task What_an_instance_promised_that_took_the_lease_for_younger_is_not_shortened()
    {
        Locks one = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(one.AcquireAsync("report", s_limited with { Ttl = TimeSpan.FromSeconds(4) }, default));
        await Task.Delay(TimeSpan.FromMilliseconds(2500), TimeProvider.System);
        LockGrant? promised = await _instances.Start().Locks.RenewAsync("report", grant.LeaseId, TimeSpan.FromSeconds(4), default);

        LockGrant? renewed = await one.RenewAsync("report", grant.LeaseId, TimeSpan.FromSeconds(4), default);

        Assert.True(promised!.Ttl > TimeSpan.FromSeconds(3));
        Assert.InRange(renewed!.Ttl, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1500));
        Assert.True((await RecordAsync()).Lease >= promised.Ttl - s_soon);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Repetitions_under_a_key_do_not_make_a_lease_last_longer_than_it_may(bool ofRenewal)
    {
        Locks locks = _instances.Start().Locks;
        AcquireOptions options = s_limited with { Ttl = TimeSpan.FromSeconds(4), Key = KeyedCallsTests.Request("a") };
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", options, default));
        if (ofRenewal)
        {
            await locks.RenewAsync("report", grant.LeaseId, null, KeyedCallsTests.Request("r"), default);
        }

        long begin = TimeProvider.System.GetTimestamp();
        LockGrant? again;
        do
        {
            await Task.Delay(TimeSpan.FromMilliseconds(150), TimeProvider.System);
            TimeSpan held = TimeProvider.System.GetElapsedTime(begin);
            again = await LateIsNoneAsync(async () => ofRenewal
                ? await locks.RenewAsync("report", grant.LeaseId, null, KeyedCallsTests.Request("r"), default)
                : await locks.AcquireAsync("report", options with { Key = KeyedCallsTests.Request("a") }, default) is AcquireResult.Granted(var same) ? same : null);
            Assert.True(again is null || held + again.Ttl + again.Waited <= options.MaxHold + TimeSpan.FromMilliseconds(100), $"after {held}: {again}");
            Assert.True(held < options.MaxHold + s_soon, "it was never refused");
        }
        while (again is not null);

        await _instances.QueueIsAsync("report", 0);
        Assert.True(TimeProvider.System.GetElapsedTime(begin) < options.MaxHold + s_soon);
    }

    [Fact]
    public async Task A_holder_that_names_its_lease_gets_it_back_and_one_release_ends_it()
    {
        Locks locks = _instances.Start().Locks;
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromMinutes(2) }, default));
        Task<AcquireResult> waiting = locks.AcquireAsync("report", s_try with { Wait = TimeSpan.FromMinutes(1) }, default);
        await _instances.QueueIsAsync("report", 2);

        LockGrant again = await Instances.GrantedAsync(other.AcquireAsync("report", s_try with { Owner = "inner", LeaseId = held.LeaseId }, default));

        Assert.Equal((held.LeaseId, held.FencingToken, "me", s_try.Ttl), (again.LeaseId, again.FencingToken, again.Owner, again.Ttl));
        Assert.Equal(2, (await _instances.ContendersAsync("report")).Count);
        Assert.True((await RecordAsync()).Lease >= TimeSpan.FromMinutes(2), "whoever took the lock first counts on his lease");
        Assert.Equal(held.Ttl, (await locks.RenewAsync("report", held.LeaseId, null, default))!.Ttl);
        Assert.True(await other.ReleaseAsync("report", again.LeaseId));
        await Instances.GrantedAsync(waiting);
    }

    [Fact]
    public async Task A_lease_that_is_named_may_become_longer()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(5) }, default));

        LockGrant again = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromMinutes(2), LeaseId = held.LeaseId }, default));

        Assert.Equal(TimeSpan.FromMinutes(2), again.Ttl);
        Assert.Equal(TimeSpan.FromMinutes(2), (await RecordAsync()).Lease);
    }

    [Fact]
    public async Task A_lease_that_has_ended_or_is_another_locks_or_of_another_mode_takes_nothing()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant ended = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        await locks.ReleaseAsync("report", ended.LeaseId);
        LockGrant other = await Instances.GrantedAsync(locks.AcquireAsync("other", s_try with { Mode = LockMode.Shared }, default));

        Assert.IsType<AcquireResult.Ended>(await locks.AcquireAsync("report", s_try with { LeaseId = ended.LeaseId }, default));
        Assert.IsType<AcquireResult.Ended>(await locks.AcquireAsync("report", s_try with { LeaseId = other.LeaseId }, default));
        Assert.IsType<AcquireResult.Ended>(await locks.AcquireAsync("report", s_try with { LeaseId = "nonsense" }, default));
        var refused = Assert.IsType<AcquireResult.OtherMode>(await locks.AcquireAsync("other", s_try with { LeaseId = other.LeaseId }, default));

        Assert.Equal(LockMode.Shared, refused.Mode);
        Assert.Empty(await _instances.ContendersAsync("report"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lease_that_is_named_is_renewed_once_when_the_answer_is_lost(bool keyed)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zooKeeper);
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        AcquireOptions again = s_try with { LeaseId = held.LeaseId };
        Task struck = instance.Proxy.DropNextReply(RequestKind.Multi);

        await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", again with { Key = keyed ? KeyedCallsTests.Request("k") : null }, default));

        await Eventually.CompletesAsync("the fault struck", struck);
        string name = Assert.Single((await instance.Direct.GetChildrenAsync("/lockservice/locks/report"))!.Names);
        Assert.Equal(1, (await instance.Direct.ExistsAsync($"/lockservice/locks/report/{name}"))!.Value.Version);
        KeyedRequest repeated = KeyedCallsTests.Request("k");
        await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", again with { Key = repeated }, default));
        Assert.Equal(keyed, repeated.Replayed);
    }

    /// <summary>Of the last moments of a lease the answer may come too late to be of use.</summary>
    private static async Task<LockGrant?> LateIsNoneAsync(Func<Task<LockGrant?>> call)
    {
        try
        {
            return await call();
        }
        catch (EffectUnknownException)
        {
            return null;
        }
    }

    private static Task<LockGrant?> RenewAsync(Locks locks, string leaseId) =>
        LateIsNoneAsync(() => locks.RenewAsync("report", leaseId, null, default));

    private async Task<ContenderRecord> RecordAsync()
    {
        string name = (await _instances.ContendersAsync("report"))[0];
        NodeData node = (await _instances.Observer.GetDataAsync($"/lockservice/locks/report/{name}"))!;
        return ContenderRecord.Parse(node.Data)!;
    }
}
