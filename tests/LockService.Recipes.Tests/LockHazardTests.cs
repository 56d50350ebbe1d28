using LockService.Recipes.Commit;
using LockService.Recipes.Leases;
using LockService.Recipes.Locking;
using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Moments at which a lock could hang, answer wrongly, or end too early or too late: each is named after the symptom.</summary>
[Collection("zookeeper")]
public sealed class LockHazardTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    /// <summary>Far less than the waiting times here, far more than an answer takes.</summary>
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(10);
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_ZooKeeper_whoever_would_wait_in_the_queue_is_refused_as_soon_as_the_others(bool noticed)
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { StoreDeadline = TimeSpan.FromMilliseconds(500) });
        _proxy.Refuse();
        _proxy.Stall();
        if (noticed)
        {
            _proxy.Cut();
            await Eventually.TrueAsync("the loss is noticed", () => !instance.Status.Connected);
        }

        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);

        await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("the caller is refused", waiting, s_soon));
    }

    [Fact]
    public async Task S7_a_waiter_that_looks_again_while_ZooKeeper_is_away_is_let_go_when_the_instance_drains()
    {
        Coordination instance = await StartBehindProxyAsync();
        await Instances.GrantedAsync(_instances.Start().Locks.AcquireAsync("report", s_try, default));
        _proxy.Refuse();
        Task struck = _proxy.CutBeforeForwarding(RequestKind.GetData);
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await Eventually.CompletesAsync("the connection is lost", struck);

        instance.Drain();

        await Assert.ThrowsAsync<DrainingException>(() => Eventually.CompletesAsync("the waiter is let go", waiting, s_soon));
    }

    [Fact]
    public async Task N9_a_waiter_whose_time_runs_out_while_ZooKeeper_is_slow_still_learns_that_the_lock_is_held()
    {
        Coordination instance = await StartBehindProxyAsync(
            o => o with { StoreDeadline = TimeSpan.FromSeconds(4), SessionTimeout = TimeSpan.FromSeconds(60) });
        await Instances.GrantedAsync(_instances.Start().Locks.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_try with { Wait = TimeSpan.FromSeconds(4) }, default);
        await _instances.QueueIsAsync("report", 2);
        _proxy.Stall();
        await Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System);

        _proxy.Resume();

        Assert.IsType<AcquireResult.Held>(await Eventually.CompletesAsync("the waiter is answered", waiting, s_soon));
    }

    [Theory]
    [InlineData(RequestKind.Sync)]
    [InlineData(RequestKind.MultiRead)]
    public async Task A_refusal_is_answered_whatever_answer_is_lost(RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        await Instances.GrantedAsync(_instances.Start().Locks.AcquireAsync("report", s_try, default));
        Task struck = _proxy.DropNextReply(kind);

        AcquireResult result = await Eventually.CompletesAsync(
            "the caller is answered", instance.Locks.AcquireAsync("report", s_try, default), s_soon);

        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.Single(Assert.IsType<AcquireResult.Held>(result).State.Holders);
    }

    [Fact]
    public async Task Whoever_was_overtaken_and_does_not_know_it_yet_is_not_shown_as_a_second_holder()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        await _instances.Observer.CreateAsync(
            $"/lockservice/locks/report/{ContenderName.NewPrefix(LockMode.Exclusive, holder: true)}",
            new ContenderRecord { Owner = "late", TtlMs = 30_000, Since = DateTimeOffset.UnixEpoch, Instance = "other" }.ToBytes(),
            CreateMode.PersistentSequential);

        LockState state = await locks.GetAsync("report", default);

        Assert.Equal(grant.FencingToken, Assert.Single(state.Holders).FencingToken);
    }

    [Fact]
    public async Task A_lock_that_nobody_holds_and_somebody_waits_for_without_end_is_called_held_after_a_while()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        // The waiter of an instance that is dead, or hangs.
        await _instances.Observer.CreateAsync(
            $"/lockservice/locks/report/{ContenderName.NewPrefix(LockMode.Exclusive, holder: false)}",
            new ContenderRecord { Owner = "hanging", Since = DateTimeOffset.UnixEpoch, Instance = "other" }.ToBytes(),
            CreateMode.EphemeralSequential);
        await locks.ReleaseAsync("report", grant.LeaseId);

        AcquireResult result = await Eventually.CompletesAsync("the caller is answered", locks.AcquireAsync("report", s_try, default), s_soon);

        LockState state = Assert.IsType<AcquireResult.Held>(result).State;
        Assert.Empty(state.Holders);
        Assert.Equal(1, state.QueueLength);
        await _instances.QueueIsAsync("report", 1);
    }

    [Fact]
    public async Task A_lease_renewed_for_a_shorter_time_ends_after_that_time()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromHours(1) }, default));
        long started = TimeProvider.System.GetTimestamp();

        await locks.RenewAsync("report", grant.LeaseId, TimeSpan.FromMilliseconds(500), default);

        await _instances.QueueIsAsync("report", 0);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task L6_a_silence_of_ZooKeeper_that_is_noticed_late_does_not_end_a_lease_that_could_not_be_renewed()
    {
        var ttl = TimeSpan.FromSeconds(2);
        Coordination instance = await StartBehindProxyAsync(
            o => o with { SessionTimeout = TimeSpan.FromSeconds(6), StoreDeadline = TimeSpan.FromMilliseconds(200) });
        LockGrant grant = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try with { Ttl = ttl }, default));
        _proxy.Stall();
        await Eventually.TrueAsync("the silence is noticed", async () =>
        {
            await Assert.ThrowsAnyAsync<CoordinationException>(() => instance.Locks.RenewAsync("report", grant.LeaseId, null, default));
            return !instance.Status.Connected;
        });
        _proxy.Resume();
        await Eventually.TrueAsync("the instance is back", () => instance.Status.Connected);

        await Task.Delay(ttl / 3, TimeProvider.System);

        Assert.NotNull(await instance.Locks.RenewAsync("report", grant.LeaseId, null, default));
    }

    [Fact]
    public async Task N1_no_failure_stays_unobserved_when_the_answers_to_pipelined_requests_are_lost()
    {
        Coordination instance = await StartBehindProxyAsync();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        CollectGarbage();
        Exception? unobserved = null;
        void Note(object? sender, UnobservedTaskExceptionEventArgs e) => unobserved = e.Exception;
        TaskScheduler.UnobservedTaskException += Note;
        try
        {
            Task sync = _proxy.DropNextReply(RequestKind.Sync);
            await instance.Locks.AcquireAsync("report", s_try, default);
            Task create = _proxy.DropNextReply(RequestKind.Multi);
            Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
            await Eventually.CompletesAsync("the faults struck", Task.WhenAll(create, sync));
            await _instances.QueueIsAsync("report", 2);
            Task promote = _proxy.DropNextReply(RequestKind.Multi);
            await other.ReleaseAsync("report", held.LeaseId);
            await Instances.GrantedAsync(waiting);
            await Eventually.CompletesAsync("the fault struck", promote);

            CollectGarbage();

            Assert.Null(unobserved);
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Note;
        }
    }

    [Fact]
    public async Task A_deletion_that_is_never_done_ends_with_the_instance()
    {
        var options = new CoordinationOptions { ZooKeeper = ConnectString.Parse(_proxy.ConnectString) };
        _proxy.Refuse();
        var sessions = new SessionKeeper(options, TimeProvider.System, NullLoggerFactory.Instance);
        var lanes = new CommitLanes(sessions, options, "test", TimeProvider.System, NullLoggerFactory.Instance);
        var deletes = new GuaranteedDeletes(lanes, TimeProvider.System, NullLogger<GuaranteedDeletes>.Instance);
        deletes.Delete("/lockservice/locks/report", "/lockservice/locks/report/held");

        await deletes.DisposeAsync();
        await lanes.DisposeAsync();
        await sessions.DisposeAsync();

        await Eventually.TrueAsync("nobody tries any more", () => deletes.Pending == 0, s_soon);
    }

    [Fact]
    public async Task Z6_leases_that_are_due_while_ZooKeeper_is_away_are_not_examined_over_and_over()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zooKeeper, storeDeadline: TimeSpan.FromMilliseconds(100));
        instance.Proxy.Refuse();
        instance.Proxy.Cut();
        await Eventually.TrueAsync("the loss is noticed", () => instance.Sessions.Current.Status.State != SessionState.Connected);
        var logger = new RecordingLogger<LeaseObserver>();
        await using var leases = new LeaseObserver(instance.Sessions, instance.Store, instance.Options, TimeProvider.System, logger);

        leases.Observe("/lockservice/locks/report/held", 0, TimeSpan.FromMilliseconds(500), new HolderLease(instance.Lanes, leases, new LockMetrics(instance.Lanes.Metrics.Meter)));
        await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System);

        Assert.Empty(logger.Lines);
    }

    internal static void CollectGarbage()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    private async Task<Coordination> StartBehindProxyAsync(Func<CoordinationOptions, CoordinationOptions>? change = null)
    {
        Coordination instance = _instances.Start(_proxy.ConnectString, change);
        // Its registration is over: the next request of a kind is the recipe's.
        await Eventually.TrueAsync(
            "the instance is registered",
            async () => await _instances.Observer.ExistsAsync($"/lockservice/instances/{instance.InstanceId}") is not null);
        return instance;
    }
}
