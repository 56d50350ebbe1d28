using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>The known hazards of holders, waiters and leases that no other test is named after.</summary>
[Collection("zookeeper")]
public sealed class LeaseHazardTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
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
    public async Task A5_a_waiter_and_the_holder_it_becomes_have_one_number_and_different_names()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);
        string waiter = (await _instances.ContendersAsync("report"))[1];

        await locks.ReleaseAsync("report", held.LeaseId);
        await Instances.GrantedAsync(waiting);

        string holder = Assert.Single(await _instances.ContendersAsync("report"));
        Assert.Equal(waiter[^10..], holder[^10..]);
        Assert.NotEqual(waiter, holder);
        Assert.NotEqual(waiter[..39], holder[..39]);
    }

    [Fact]
    public async Task A13_what_a_release_costs_does_not_depend_on_how_many_wait()
    {
        Locks locks = _instances.Start(_proxy.ConnectString).Locks;
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        using var leaving = new CancellationTokenSource();
        Task<AcquireResult>[] waiting = [.. Enumerable.Range(0, 50).Select(_ => locks.AcquireAsync("report", s_wait, leaving.Token))];
        await _instances.QueueIsAsync("report", 51);
        await Eventually.TrueAsync("the first one watches", () => _proxy.Requests.Any(request => request.Kind == RequestKind.GetData));
        int before = Requests();

        await other.ReleaseAsync("report", held.LeaseId);
        await Instances.GrantedAsync(Task.WhenAny(waiting).Unwrap());

        // A look, the promotion, and the watch of the next one; a dozen leaves room for what an instance does now and then.
        Assert.InRange(Requests() - before, 1, 12);
        // Nor does it cost fifty watches to come together: the first watches the holder, and at most those who follow it do after it.
        Assert.InRange(_proxy.Requests.Count(request => request.Kind == RequestKind.GetData), 1, 6);
        await leaving.CancelAsync();
        await _instances.QueueIsAsync("report", 1);

        int Requests() => _proxy.Requests.Count(request => request.Xid > 0);
    }

    [Fact]
    public async Task L1_a_renewal_whose_answer_took_more_than_half_of_the_lease_is_no_success()
    {
        Coordination instance = _instances.Start(_proxy.ConnectString);
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        _proxy.Stall(ProxyDirections.ToClient);
        long sent = TimeProvider.System.GetTimestamp();
        Task<LockGrant?> renewing = instance.Locks.RenewAsync("report", held.LeaseId, TimeSpan.FromSeconds(1), default);
        await Eventually.TrueAsync("half of the lease is over", () => TimeProvider.System.GetElapsedTime(sent) > TimeSpan.FromMilliseconds(600));
        _proxy.Resume();

        await Assert.ThrowsAsync<EffectUnknownException>(() => Eventually.CompletesAsync("the renewal is answered", renewing));
    }

    [Fact]
    public async Task L1_the_time_that_was_waited_never_makes_a_deadline_later_than_the_lease()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        long sent = TimeProvider.System.GetTimestamp();
        Task<AcquireResult> waiting = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);
        TimeSpan waitedAtLeast = TimeProvider.System.GetElapsedTime(sent);

        await locks.ReleaseAsync("report", held.LeaseId);
        LockGrant grant = await Instances.GrantedAsync(waiting);

        // What is told ends before the grant can have been seen, and counts all that went before the release.
        Assert.InRange(grant.Waited, waitedAtLeast, TimeProvider.System.GetElapsedTime(sent));
    }

    [Fact]
    public async Task L1_what_ZooKeepers_answer_takes_is_not_told_as_waited()
    {
        Locks locks = _instances.Start(_proxy.ConnectString).Locks;
        LockGrant before = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        await locks.ReleaseAsync("report", before.LeaseId);
        _proxy.Stall(ProxyDirections.ToClient);
        long sent = TimeProvider.System.GetTimestamp();
        Task<AcquireResult> acquiring = locks.AcquireAsync("report", s_try, default);
        await _instances.QueueIsAsync("report", 1);
        TimeSpan begun = TimeProvider.System.GetElapsedTime(sent);
        await Eventually.TrueAsync("the answer takes a while", () => TimeProvider.System.GetElapsedTime(sent) > begun + TimeSpan.FromMilliseconds(300));

        _proxy.Resume();

        // The lease has begun by then: the client's deadline, which counts what was waited, would be later than its end.
        Assert.InRange((await Instances.GrantedAsync(acquiring)).Waited, TimeSpan.Zero, begun);
    }

    [Fact]
    public async Task L2_a_lease_outlives_the_session_and_the_instance_that_granted_it()
    {
        Coordination granting = _instances.Start();
        LockGrant held = await Instances.GrantedAsync(granting.Locks.AcquireAsync("report", s_try, default));
        await granting.DisposeAsync();

        LockGrant? renewed = await _instances.Start().Locks.RenewAsync("report", held.LeaseId, null, default);

        Assert.Equal(held.FencingToken, renewed?.FencingToken);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task L7_a_wall_clock_that_jumps_neither_ends_a_lease_nor_keeps_it(int hours)
    {
        var clock = new JumpingClock();
        var options = new CoordinationOptions { ZooKeeper = ConnectString.Parse(_instances.Servers + _instances.Chroot) };
        await using var instance = new Coordination(options, clock, NullLoggerFactory.Instance);
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(2) }, default));

        clock.Jump(TimeSpan.FromHours(hours));

        for (int i = 0; i < 20; i++)
        {
            Assert.NotNull(await instance.Locks.RenewAsync("report", held.LeaseId, null, default));
        }

        Assert.Equal(held.FencingToken, Assert.Single((await instance.Locks.GetAsync("report", default)).Holders).FencingToken);
        await _instances.QueueIsAsync("report", 0);
    }

    [Fact]
    public async Task L9_of_several_instances_that_time_a_lease_all_end_it_once()
    {
        Coordination[] instances = [.. Enumerable.Range(0, 3).Select(_ => _instances.Start())];
        LockGrant held = await Instances.GrantedAsync(instances[0].Locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(1) }, default));
        using LockEvents events = await instances[0].Locks.ListenAsync("report", null, default);
        Assert.Equal(LockEventType.Resync, Assert.Single(await events.ReadAsync(TimeSpan.FromMinutes(1), default)).Type);
        Task<AcquireResult>[] waiting = [.. instances.Select(instance => instance.Locks.AcquireAsync("report", s_wait, default))];

        LockGrant next = await Instances.GrantedAsync(Task.WhenAny(waiting).Unwrap());

        Assert.True(next.FencingToken > held.FencingToken);
        var ends = new List<LockEvent>();
        while (!ends.Exists(end => end.FencingToken == held.FencingToken))
        {
            IReadOnlyList<LockEvent> told = await Eventually.CompletesAsync("the end is told", events.ReadAsync(TimeSpan.FromMinutes(1), default));
            ends.AddRange(told.Where(one => one.Type is LockEventType.Expired or LockEventType.Released));
        }

        Assert.Equal(LockEventType.Expired, Assert.Single(ends).Type);
        Assert.Equal(2, waiting.Count(waiter => !waiter.IsCompleted));
    }

    [Fact]
    public async Task F7_a_fencing_token_is_no_key_to_a_lease()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        string token = held.FencingToken.ToString(System.Globalization.CultureInfo.InvariantCulture);

        Assert.Null(await locks.RenewAsync("report", token, null, default));
        Assert.False(await locks.ReleaseAsync("report", token));
        Assert.False(await locks.VerifyAsync("report", token, default));
        Assert.Single((await locks.GetAsync("report", default)).Holders);
    }

    private sealed class JumpingClock : TimeProvider
    {
        private TimeSpan _by;

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _by;

        internal void Jump(TimeSpan by) => _by += by;
    }
}
