using LockService.Recipes.Commit;
using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What locks do in one transaction: take a free lock, hand one over, and carry along what the caller wants to happen with it.</summary>
[Collection("zookeeper")]
public sealed class LockHandOverTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };
    private Instances _instances = null!;
    private ZooKeeperProxy _proxy = null!;

    public async Task InitializeAsync()
    {
        _instances = await Instances.OnAsync(zooKeeper);
        _proxy = new ZooKeeperProxy(zooKeeper.Server.Port);
    }

    public async Task DisposeAsync()
    {
        await _instances.DisposeAsync();
        _proxy.Dispose();
    }

    [Fact]
    public async Task A_lock_released_here_is_taken_again_and_released_with_one_request_each()
    {
        Locks locks = _instances.Start(_proxy.ConnectString).Locks;
        LockGrant first = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        await locks.ReleaseAsync("report", first.LeaseId);
        int before = _proxy.Requests.Count(request => request.Xid > 0);

        LockGrant second = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        await locks.ReleaseAsync("report", second.LeaseId);

        Assert.Equal(2, _proxy.Requests.Count(request => request.Xid > 0) - before);
        Assert.True(second.FencingToken > first.FencingToken);
    }

    [Fact]
    public async Task A_renewal_of_what_was_granted_here_takes_one_request()
    {
        Locks locks = _instances.Start(_proxy.ConnectString).Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        int before = _proxy.Requests.Count(request => request.Xid > 0);

        LockGrant? once = await locks.RenewAsync("report", grant.LeaseId, TimeSpan.FromSeconds(60), default);
        LockGrant? again = await locks.RenewAsync("report", grant.LeaseId, null, default);

        Assert.Equal(2, _proxy.Requests.Count(request => request.Xid > 0) - before);
        Assert.Equal((grant.FencingToken, TimeSpan.FromSeconds(60)), (once!.FencingToken, once.Ttl));
        Assert.Equal((grant.FencingToken, TimeSpan.FromSeconds(60)), (again!.FencingToken, again.Ttl));
    }

    [Fact]
    public async Task A_lock_that_is_believed_to_be_free_and_is_not_is_not_granted()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant first = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));
        await one.ReleaseAsync("report", first.LeaseId);
        LockGrant second = await Instances.GrantedAsync(two.AcquireAsync("report", s_try, default));

        var refused = Assert.IsType<AcquireResult.Held>(await one.AcquireAsync("report", s_try, default));

        Assert.Equal(second.FencingToken, Assert.Single(refused.State.Holders).FencingToken);
    }

    [Fact]
    public async Task A_lock_that_another_instance_left_free_is_taken_without_queueing()
    {
        Locks one = _instances.Start().Locks;
        LockGrant first = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));
        await one.ReleaseAsync("report", first.LeaseId);

        LockGrant second = await Instances.GrantedAsync(_instances.Start().Locks.AcquireAsync("report", s_wait, default));

        // The directory was replaced in the transaction of the grant.
        Assert.Equal(second.FencingToken, (await _instances.Observer.ExistsAsync("/lockservice/locks/report"))!.Value.CreatedZxid);
    }

    [Fact]
    public async Task A_directory_that_somebody_else_made_is_left_as_it_is()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant other = await Instances.GrantedAsync(locks.AcquireAsync("other", s_try, default));
        await _instances.Observer.CreateAsync("/lockservice/locks/report", "native"u8.ToArray());

        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        NodeData? directory = await _instances.Observer.GetDataAsync("/lockservice/locks/report");
        Assert.Equal("native"u8.ToArray(), directory!.Data.ToArray());
        Assert.True(grant.FencingToken > other.FencingToken);
        Assert.Single(await _instances.ContendersAsync("report"));
    }

    [Fact]
    public async Task A_release_grants_the_lock_to_a_waiter_of_its_instance_in_the_same_transaction()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        List<Task<AcquireResult>> waiting = [.. Enumerable.Range(0, 3).Select(_ => locks.AcquireAsync("report", s_wait, default))];
        await _instances.QueueIsAsync("report", 4);

        for (int left = 3; left > 0; left--)
        {
            await locks.ReleaseAsync("report", held.LeaseId);

            // The directory last changed in the transaction that granted the lock: the release was no other one.
            Stat? directory = await _instances.Observer.ExistsAsync("/lockservice/locks/report");
            Task<AcquireResult> granted = await Eventually.CompletesAsync("a waiter has the lock", Task.WhenAny(waiting));
            waiting.Remove(granted);
            held = await Instances.GrantedAsync(granted);
            Assert.Equal(directory!.Value.ChildrenZxid, held.FencingToken);
            Assert.Equal(left, (await _instances.ContendersAsync("report")).Count);
        }
    }

    [Fact]
    public async Task A_release_grants_the_lock_to_all_readers_that_are_next()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        Task<AcquireResult>[] readers =
            [.. Enumerable.Range(0, 5).Select(_ => locks.AcquireAsync("report", s_wait with { Mode = LockMode.Shared }, default))];
        await _instances.QueueIsAsync("report", 6);
        Task<AcquireResult> writer = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 7);

        await locks.ReleaseAsync("report", held.LeaseId);

        LockGrant[] reading = await Task.WhenAll(readers.Select(Instances.GrantedAsync));
        Assert.False(writer.IsCompleted);
        await Task.WhenAll(reading.Select(grant => locks.ReleaseAsync("report", grant.LeaseId)));
        Assert.True((await Instances.GrantedAsync(writer)).FencingToken > reading.Max(grant => grant.FencingToken));
    }

    [Fact]
    public async Task A_waiter_of_another_instance_who_came_first_is_served_first()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));
        Task<AcquireResult> first = two.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);
        Task<AcquireResult> second = one.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 3);

        await one.ReleaseAsync("report", held.LeaseId);

        held = await Instances.GrantedAsync(first);
        Assert.False(second.IsCompleted);
        // Through the instance of the second: it has seen the holder only as a waiter.
        await one.ReleaseAsync("report", held.LeaseId);
        await Instances.GrantedAsync(second);
    }

    [Fact]
    public async Task What_is_to_happen_with_a_grant_a_renewal_or_a_release_happens_with_it_or_prevents_it()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, Note("taken"), default));
        Task<AcquireResult> waiting = locks.AcquireAsync("report", s_wait, Note("waited"), default);
        await _instances.QueueIsAsync("report", 2);

        await locks.RenewAsync("report", held.LeaseId, null, Note("renewed"), default);
        Assert.Equal(0, (await RefusedAsync(() => locks.RenewAsync("report", held.LeaseId, null, Note("renewed"), default))).Index);
        Assert.Equal(0, (await RefusedAsync(() => locks.ReleaseAsync("report", held.LeaseId, Note("renewed")(held)))).Index);
        Assert.Equal(2, (await _instances.ContendersAsync("report")).Count);
        await locks.ReleaseAsync("report", held.LeaseId, Note("released")(held));

        LockGrant granted = await Instances.GrantedAsync(waiting);
        foreach ((string node, LockGrant grant) in new[] { ("taken", held), ("renewed", held), ("released", held), ("waited", granted) })
        {
            Assert.Equal(grant.LeaseId, await TextAsync($"/{node}"));
        }

        // The token is the transaction of what went with it.
        Assert.Equal(granted.FencingToken, (await _instances.Observer.ExistsAsync("/waited"))!.Value.CreatedZxid);
        Assert.Equal(ErrorCode.NodeExists, (await RefusedAsync(() => locks.AcquireAsync("free", s_try, Note("taken"), default))).Error);
        Assert.Empty(await _instances.ContendersAsync("free"));
        Task<AcquireResult> refused = locks.AcquireAsync("report", s_wait, Note("taken"), default);
        await _instances.QueueIsAsync("report", 2);
        await locks.ReleaseAsync("report", granted.LeaseId);
        await RefusedAsync(() => refused);
        await _instances.QueueIsAsync("report", 0);
    }

    private static GrantCompanions Note(string node) =>
        grant => [new UnitOperation.Create($"/{node}", System.Text.Encoding.UTF8.GetBytes(grant.LeaseId), CreateMode.Persistent)];

    private static async Task<CompanionRefusedException> RefusedAsync(Func<Task> call) =>
        await Assert.ThrowsAsync<CompanionRefusedException>(() => Eventually.CompletesAsync("the call is answered", call()));

    private async Task<string> TextAsync(string path) =>
        System.Text.Encoding.UTF8.GetString((await _instances.Observer.GetDataAsync(path))!.Data.Span);
}
