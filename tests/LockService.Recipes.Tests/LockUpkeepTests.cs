using LockService.Recipes.Commit;
using LockService.Recipes.Locking;
using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What goes on behind the calls: leases that nobody times, waiters that nobody serves, directories that nobody uses.</summary>
[Collection("zookeeper")]
public sealed class LockUpkeepTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task L5_a_lease_whose_instance_is_gone_ends_although_nobody_waits_for_it()
    {
        Coordination granting = _instances.Start();
        Coordination staying = _instances.Start();
        await Instances.GrantedAsync(granting.Locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(2) }, default));
        await Eventually.TrueAsync("the other instance is there", () => staying.Status.Connected);

        await granting.DisposeAsync();

        await _instances.QueueIsAsync("report", 0);
    }

    [Fact]
    public async Task All_leases_of_a_shared_lock_end_in_one_ttl_and_not_one_after_the_other()
    {
        Coordination granting = _instances.Start();
        for (int i = 0; i < 10; i++)
        {
            await Instances.GrantedAsync(granting.Locks.AcquireAsync(
                "report", s_try with { Mode = LockMode.Shared, Ttl = TimeSpan.FromSeconds(3) }, default));
        }

        Locks waiting = _instances.Start().Locks;
        Task<AcquireResult> writer = waiting.AcquireAsync("report", s_try with { Wait = TimeSpan.FromMinutes(1) }, default);
        await _instances.QueueIsAsync("report", 11);
        await granting.DisposeAsync();

        // One after the other would take ten leases: 30 s, which is the limit here.
        await Instances.GrantedAsync(writer);
    }

    [Fact]
    public async Task Leases_that_end_at_once_are_cleared_away_at_the_rate_that_is_set()
    {
        Locks locks = _instances.Start(change: o => o with { ExpiriesPerSecond = 40 }).Locks;
        await Task.WhenAll(Enumerable.Range(0, 80).Select(i => Instances.GrantedAsync(
            locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared, Ttl = TimeSpan.FromSeconds(3) }, default))));
        await Eventually.TrueAsync("the first has ended", async () => (await _instances.ContendersAsync("report")).Count < 80);
        long began = TimeProvider.System.GetTimestamp();

        await _instances.QueueIsAsync("report", 0);

        Assert.True(TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(1), "80 ends took less than half of what 40 a second do");
    }

    [Fact]
    public async Task L3_a_renewal_after_the_end_does_not_bring_the_lease_back()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromMilliseconds(500) }, default));
        await _instances.QueueIsAsync("report", 0);

        Assert.Null(await locks.RenewAsync("report", grant.LeaseId, null, default));

        Assert.Empty(await _instances.ContendersAsync("report"));
    }

    [Fact]
    public async Task C9_two_renewals_at_once_from_two_instances_both_succeed()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));

        LockGrant?[] renewals = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            (i % 2 == 0 ? one : two).RenewAsync("report", grant.LeaseId, TimeSpan.FromSeconds(40), default)));

        Assert.All(renewals, renewal => Assert.Equal(grant.FencingToken, renewal!.FencingToken));
    }

    [Fact]
    public async Task A8_a_waiter_of_the_session_that_nobody_serves_is_deleted_and_the_others_stay()
    {
        var options = new CoordinationOptions { ZooKeeper = ConnectString.Parse(_instances.Servers + _instances.Chroot) };
        await using var sessions = new SessionKeeper(options, TimeProvider.System, NullLoggerFactory.Instance);
        await using var lanes = new CommitLanes(sessions, options, "test", TimeProvider.System, NullLoggerFactory.Instance);
        await using var deletes = new GuaranteedDeletes(lanes, TimeProvider.System, NullLogger<GuaranteedDeletes>.Instance);
        await using var reconciler = new WaiterReconciler(
            lanes, deletes, options, TimeProvider.System, NullLogger<WaiterReconciler>.Instance);
        ZooKeeperClient client = await sessions.ConnectedAsync(default);
        var directory = new LockDirectory(options.Root, "report");
        await NodeTree.EnsureAsync(client, directory.Path, CreateMode.Container, default, default);
        string served = ContenderName.NewPrefix(LockMode.Exclusive, holder: false);
        string stranger = ContenderName.NewPrefix(LockMode.Exclusive, holder: false);
        reconciler.Add(served);
        await client.CreateAsync(directory.Child(served), mode: CreateMode.EphemeralSequential);
        await client.CreateAsync(directory.Child(stranger), mode: CreateMode.EphemeralSequential);

        await reconciler.ReconcileAsync(default);

        await _instances.QueueIsAsync("report", 1);
        Assert.StartsWith(served, Assert.Single(await _instances.ContendersAsync("report")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_that_were_used_once_leave_nothing_behind()
    {
        Locks locks = _instances.Start().Locks;
        await Task.WhenAll(Enumerable.Range(0, 500).Select(async i =>
        {
            LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync($"once-{i}", s_try, default));
            await locks.ReleaseAsync($"once-{i}", grant.LeaseId);
        }));

        await Eventually.TrueAsync(
            "all directories are gone",
            async () => (await _instances.Observer.GetChildrenAsync("/lockservice/locks"))!.Names.Count == 0,
            TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A11_locks_are_granted_while_their_directories_are_being_removed()
    {
        Locks locks = _instances.Start().Locks;
        using var stop = new CancellationTokenSource();
        Task removing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await _instances.Observer.DeleteAsync("/lockservice/locks/report");
                }
                catch (RequestRefusedException)
                {
                    // Not there, or not empty.
                }
            }
        });

        for (int i = 0; i < 200; i++)
        {
            LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
            Assert.True(await locks.ReleaseAsync("report", grant.LeaseId));
        }

        await stop.CancelAsync();
        await removing;
    }
}
