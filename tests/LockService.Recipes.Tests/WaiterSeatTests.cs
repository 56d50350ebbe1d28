using LockService.Recipes.Commit;
using LockService.Recipes.Locking;
using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>A10: no session of an instance owns more waiters than ZooKeeper can remove at once.</summary>
[Collection("zookeeper")]
public sealed class WaiterSeatTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public void Seats_are_taken_on_one_session_after_the_other_and_given_back_once()
    {
        var seats = new WaiterSeats(4_100);
        WaiterSeats.Seats most = seats.Take(1_999);
        Assert.Equal(0, most.Session);
        Assert.Equal(1, seats.Take(2).Session);
        Assert.Equal(0, seats.Take(1).Session);
        Assert.Equal(1, seats.Take(1_998).Session);
        WaiterSeats.Seats last = seats.Take(100);
        Assert.Equal(2, last.Session);
        Assert.Throws<TooManyWaitersException>(() => seats.Take(1));

        most.Dispose();
        most.Dispose();

        Assert.Equal(0, seats.Take(1_999).Session);
        Assert.Throws<TooManyWaitersException>(() => seats.Take(1));
    }

    [Fact]
    public async Task A10_more_waiters_than_a_session_may_own_are_spread_over_several_and_served_like_any_other()
    {
        const int locksWaitedFor = 20;
        const int waitersEach = 100;
        Coordination instance = _instances.Start();
        using var leaving = new CancellationTokenSource();
        LockGrant[] held = await Task.WhenAll(Enumerable.Range(0, locksWaitedFor)
            .Select(i => Instances.GrantedAsync(instance.Locks.AcquireAsync($"report-{i}", s_try, default))));
        LockGrant last = await Instances.GrantedAsync(instance.Locks.AcquireAsync("last", s_try, default));
        Task<AcquireResult>[] crowd =
        [
            .. held.SelectMany(grant => Enumerable.Range(0, waitersEach).Select(_ => instance.Locks.AcquireAsync(
                grant.Name, s_try with { Wait = TimeSpan.FromMinutes(5) }, leaving.Token))),
        ];
        await Eventually.TrueAsync("all wait", async () => (await WaitersAsync()).Count == crowd.Length);

        Task<AcquireResult> further = instance.Locks.AcquireAsync("last", s_try with { Wait = TimeSpan.FromMinutes(5) }, default);
        await _instances.QueueIsAsync("last", 2);

        Assert.Single((await Task.WhenAll((await WaitersAsync()).Select(OwnerAsync))).Distinct());
        string waiter = $"/lockservice/locks/last/{(await _instances.ContendersAsync("last"))[1]}";
        Assert.NotEqual(await OwnerAsync((await WaitersAsync())[0]), await OwnerAsync(waiter));
        await instance.Locks.ReleaseAsync("last", last.LeaseId);
        Assert.True((await Instances.GrantedAsync(further)).FencingToken > last.FencingToken);
        await leaving.CancelAsync();
        await Eventually.TrueAsync("nobody waits", async () => (await WaitersAsync()).Count == 0);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(crowd));

        async Task<IReadOnlyList<string>> WaitersAsync()
        {
            IReadOnlyList<string>[] queues = await Task.WhenAll(held.Select(async grant =>
                (IReadOnlyList<string>)[.. (await _instances.ContendersAsync(grant.Name)).Skip(1).Select(name => $"/lockservice/locks/{grant.Name}/{name}")]));
            return [.. queues.SelectMany(waiters => waiters)];
        }
    }

    [Fact]
    public async Task A_waiter_that_nobody_serves_is_found_on_every_session()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zooKeeper);
        await NodeTree.EnsureAsync(instance.Direct, "/lockservice/locks/x", CreateMode.Persistent, default, default);
        CommitUnit[] strangers = [.. Enumerable.Range(0, 2).Select(_ => new CommitUnit("x").Create(
            $"/lockservice/locks/x/{ContenderName.NewPrefix(LockMode.Exclusive, holder: false)}", default, CreateMode.EphemeralSequential))];
        for (int session = 0; session < strangers.Length; session++)
        {
            Assert.True((await instance.Lanes.CommitWaiterAsync(strangers[session], session, instance.Lanes.NewDeadline(), default)).Committed);
        }

        await instance.Waiters.ReconcileAsync(default);

        await Eventually.TrueAsync("both are gone", async () => (await instance.Direct.GetChildrenAsync("/lockservice/locks/x"))!.Names.Count == 0);
    }

    private async Task<long> OwnerAsync(string path) => (await _instances.Observer.ExistsAsync(path))!.Value.EphemeralOwner;
}
