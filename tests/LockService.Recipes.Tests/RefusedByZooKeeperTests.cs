using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>
/// What ZooKeeper refuses for a reason that says nothing about the lease, the lock or the counter, such as an access list that somebody has
/// changed: the caller is told that the service is unavailable, at once, and nothing has happened.
/// </summary>
[Collection("another zookeeper")]
public sealed class RefusedByZooKeeperTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private const string Directory = "/lockservice/locks/report";

    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Theory]
    [InlineData(Permissions.Read, true)]
    [InlineData(Permissions.Read, false)]
    [InlineData(Permissions.None, false)]
    public async Task A_renewal_that_ZooKeeper_refuses_is_no_lost_lease(Permissions left, bool byTheGrantingInstance)
    {
        Locks granting = _instances.Start().Locks;
        Locks renewing = byTheGrantingInstance ? granting : _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(granting.AcquireAsync("report", s_try, s_never));
        string holder = $"{Directory}/{Assert.Single(await _instances.ContendersAsync("report"))}";
        await AllowAsync(holder, left);

        await IsUnavailableAsync(renewing.RenewAsync("report", grant.LeaseId, null, s_never));

        await AllowAsync(holder, Permissions.All);
        Assert.Equal(grant.FencingToken, (await renewing.RenewAsync("report", grant.LeaseId, null, s_never))?.FencingToken);
    }

    [Fact]
    public async Task A_release_that_ZooKeeper_refuses_is_no_lost_lease()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, s_never));
        await AllowAsync(Directory, Permissions.Read | Permissions.Create);

        await IsUnavailableAsync(locks.ReleaseAsync("report", grant.LeaseId));

        await AllowAsync(Directory, Permissions.All);
        Assert.True(await locks.ReleaseAsync("report", grant.LeaseId));
    }

    [Fact]
    public async Task A_repeated_acquire_whose_lease_cannot_be_read_is_no_ended_lease()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Key = Key("k") }, s_never));
        string holder = $"{Directory}/{Assert.Single(await _instances.ContendersAsync("report"))}";
        await AllowAsync(holder, Permissions.None);

        await IsUnavailableAsync(locks.AcquireAsync("report", s_try with { Key = Key("k") }, s_never));

        await AllowAsync(holder, Permissions.All);
        Assert.Equal(grant.LeaseId, (await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Key = Key("k") }, s_never))).LeaseId);
    }

    [Fact]
    public async Task A_waiter_whose_promotion_ZooKeeper_refuses_is_told_at_once_and_leaves_nothing()
    {
        Locks waiting = _instances.Start().Locks;
        Locks holding = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(holding.AcquireAsync("report", s_try, s_never));
        Task<AcquireResult> waiter = waiting.AcquireAsync("report", s_wait, s_never);
        await _instances.QueueIsAsync("report", 2);
        await AllowAsync(Directory, Permissions.Read | Permissions.Delete);

        Assert.True(await holding.ReleaseAsync("report", held.LeaseId));

        await IsUnavailableAsync(waiter);
        await _instances.QueueIsAsync("report", 0);
    }

    [Fact]
    public async Task A_lock_whose_directory_cannot_be_listed_is_neither_free_nor_held()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, s_never));
        await AllowAsync(Directory, Permissions.Create | Permissions.Delete);

        await IsUnavailableAsync(locks.GetAsync("report", s_never));
        await IsUnavailableAsync(locks.AcquireAsync("report", s_try, s_never));
        await IsUnavailableAsync(locks.AcquireAsync("report", s_wait, s_never));

        await AllowAsync(Directory, Permissions.All);
        Assert.Equal(grant.FencingToken, Assert.Single((await locks.GetAsync("report", s_never)).Holders).FencingToken);
        await _instances.QueueIsAsync("report", 1);
    }

    [Theory]
    [InlineData("acquire")]
    [InlineData("wait")]
    [InlineData("renew")]
    [InlineData("release")]
    [InlineData("increment")]
    [InlineData("set")]
    [InlineData("remove")]
    public async Task A_keyed_change_whose_record_ZooKeeper_refuses_does_not_happen_and_is_not_tried_for_ever(string verb)
    {
        Coordination instance = _instances.Start();
        LockGrant grant = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, s_never));
        await instance.Counters.IncrementAsync("c", new IncrementOptions { Key = Key("k") }, s_never);
        KeyedRequest key = Key("k", scope: verb);
        string shard = $"/lockservice/idempotency/{key.Shard}";
        if (await _instances.Observer.ExistsAsync(shard) is null)
        {
            await _instances.Observer.CreateAsync(shard);
        }

        await AllowAsync(shard, Permissions.Read);
        Task<AcquireResult>? waiter = null;
        if (verb == "wait")
        {
            waiter = instance.Locks.AcquireAsync("report", s_wait with { Key = key }, s_never);
            await _instances.QueueIsAsync("report", 2);
            await instance.Locks.ReleaseAsync("report", grant.LeaseId);
        }

        await IsUnavailableAsync(verb switch
        {
            "acquire" => instance.Locks.AcquireAsync("free", s_try with { Key = key }, s_never),
            "wait" => waiter!,
            "renew" => instance.Locks.RenewAsync("report", grant.LeaseId, null, key, s_never),
            "release" => instance.Locks.ReleaseAsync("report", grant.LeaseId, key),
            "increment" => instance.Counters.IncrementAsync("c", new IncrementOptions { Key = key }, s_never),
            "set" => instance.Counters.SetAsync("c", 5, CounterCondition.None, key, s_never),
            _ => instance.Counters.RemoveAsync("c", CounterCondition.None, key, s_never),
        });

        Assert.Equal(1, (await instance.Counters.GetAsync("c", s_never))!.Value);
        await _instances.QueueIsAsync("report", verb == "wait" ? 0 : 1);
        await _instances.QueueIsAsync("free", 0);
    }

    [Fact]
    public async Task A_counter_that_may_not_be_read_or_written_is_neither_missing_nor_changed()
    {
        Counters counters = _instances.Start().Counters;
        await counters.IncrementAsync("c", new IncrementOptions(), s_never);

        await AllowAsync("/lockservice/counters/c", Permissions.None);
        await IsUnavailableAsync(counters.GetAsync("c", s_never));
        await IsUnavailableAsync(counters.IncrementAsync("c", new IncrementOptions(), s_never));
        await IsUnavailableAsync(counters.RemoveAsync("c", CounterCondition.None, s_never));

        await AllowAsync("/lockservice/counters/c", Permissions.All);
        Assert.Equal(1, (await counters.GetAsync("c", s_never))!.Value);
    }

    private static KeyedRequest Key(string key, string scope = "l") => KeyedCallsTests.Request(key, scope: scope);

    private static async Task IsUnavailableAsync(Task call)
    {
        StoreUnavailableException told =
            await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("the call is answered", call, TimeSpan.FromSeconds(10)));
        Assert.Contains("NoAuth", told.Message, StringComparison.Ordinal);
    }

    /// <summary>Leaves everybody what is given; the observer can always take it back.</summary>
    private async Task AllowAsync(string path, Permissions permissions) =>
        await _instances.Observer.SetAclAsync(path, [new Acl(permissions | Permissions.Admin, "world", "anyone")], -1);
}
