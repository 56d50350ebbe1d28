using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Every step of the lock recipe with its answer lost, or cut off before it was sent: the effect is there exactly once.</summary>
[Collection("zookeeper")]
public sealed class LockFaultTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
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

    public static TheoryData<string, RequestKind> Faults(params RequestKind[] kinds)
    {
        var faults = new TheoryData<string, RequestKind>();
        foreach (RequestKind kind in kinds)
        {
            faults.Add(nameof(ZooKeeperProxy.DropNextReply), kind);
            faults.Add(nameof(ZooKeeperProxy.CutBeforeForwarding), kind);
            faults.Add(nameof(ZooKeeperProxy.ResetInMidReply), kind);
        }

        return faults;
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Create2, RequestKind.Multi } })]
    public async Task A_free_lock_is_granted_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        Task struck = Strike(fault, kind);

        LockGrant grant = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));

        await Eventually.CompletesAsync("the fault struck", struck);
        await HeldOnlyByAsync(grant);
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Multi, RequestKind.GetData } })]
    public async Task A_waiter_enters_the_queue_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        Task struck = Strike(fault, kind);
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await Eventually.CompletesAsync("the fault struck", struck);
        await _instances.QueueIsAsync("report", 2);

        await other.ReleaseAsync("report", held.LeaseId);

        LockGrant grant = await Instances.GrantedAsync(waiting);
        Assert.True(grant.FencingToken > held.FencingToken);
        await HeldOnlyByAsync(grant);
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Multi } })]
    public async Task A4_a_waiter_is_promoted_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await WatchIsSetAsync();
        Task struck = Strike(fault, kind);

        await other.ReleaseAsync("report", held.LeaseId);

        LockGrant grant = await Instances.GrantedAsync(waiting);
        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.True(grant.FencingToken > held.FencingToken);
        await HeldOnlyByAsync(grant);
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.Multi } })]
    public async Task A_release_hands_the_lock_over_once_when_its_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await WatchIsSetAsync();
        Task struck = Strike(fault, kind);

        Assert.True(await instance.Locks.ReleaseAsync("report", held.LeaseId));

        await Eventually.CompletesAsync("the fault struck", struck);
        LockGrant grant = await Instances.GrantedAsync(waiting);
        Assert.True(grant.FencingToken > held.FencingToken);
        await HeldOnlyByAsync(grant);
        Assert.True(await instance.Locks.ReleaseAsync("report", grant.LeaseId));
    }

    [Fact]
    public async Task A_release_whose_session_expires_on_the_way_frees_the_lock_and_grants_it_to_one_at_most()
    {
        Coordination instance = await StartBehindProxyAsync();
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await WatchIsSetAsync();
        Task struck = _proxy.CutBeforeForwarding(RequestKind.Multi);
        _proxy.Refuse();
        Task<bool> releasing = instance.Locks.ReleaseAsync("report", held.LeaseId);
        await Eventually.CompletesAsync("the release is cut off", struck);
        await _instances.QueueIsAsync("report", 1);
        _proxy.Admit();

        Assert.True(await Eventually.CompletesAsync("the release is answered", releasing));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("the waiter is answered", waiting));
        await _instances.QueueIsAsync("report", 0);
        await HeldOnlyByAsync(await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default)));
    }

    [Fact]
    public async Task A_hand_over_that_was_carried_out_before_the_session_expired_is_a_grant()
    {
        Coordination instance = await StartBehindProxyAsync();
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await WatchIsSetAsync();
        Task struck = _proxy.DropNextReply(RequestKind.Multi);
        _proxy.Refuse();
        Task<bool> releasing = instance.Locks.ReleaseAsync("report", held.LeaseId);
        await Eventually.CompletesAsync("the answer is lost", struck);
        await Eventually.TrueAsync(
            "the session has expired",
            async () => await _instances.Observer.ExistsAsync($"/lockservice/instances/{instance.InstanceId}") is null);
        _proxy.Admit();

        Assert.True(await Eventually.CompletesAsync("the release is answered", releasing));
        LockGrant grant = await Instances.GrantedAsync(waiting);
        await HeldOnlyByAsync(grant);
        Assert.True(grant.FencingToken > held.FencingToken);
    }

    [Fact]
    public async Task A7_a_hand_over_to_a_caller_who_left_meanwhile_is_given_back()
    {
        Coordination instance = await StartBehindProxyAsync();
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, hangUp.Token);
        await WatchIsSetAsync();
        _proxy.Stall(ProxyDirections.ToClient);
        Task<bool> releasing = instance.Locks.ReleaseAsync("report", held.LeaseId);
        await Eventually.TrueAsync("the lock was handed over", async () => !(await _instances.ContendersAsync("report")).Contains(held.LeaseId)
            && await _instances.ContendersAsync("report") is [var only] && Locking.ContenderName.Parse(only)!.IsHolder);

        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", waiting));
        _proxy.Resume();

        Assert.True(await Eventually.CompletesAsync("the release is answered", releasing));
        await _instances.QueueIsAsync("report", 0);
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.Multi } })]
    public async Task A_release_is_acknowledged_and_done_once_when_its_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        LockGrant grant = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        Task struck = Strike(fault, kind);

        Assert.True(await instance.Locks.ReleaseAsync("report", grant.LeaseId));

        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.Empty(await _instances.ContendersAsync("report"));
        Assert.False(await instance.Locks.ReleaseAsync("report", grant.LeaseId));
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Multi } })]
    public async Task L4_a_renewal_bumps_the_version_once_when_its_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        LockGrant grant = await Instances.GrantedAsync(_instances.Start().Locks.AcquireAsync("report", s_try, default));
        Task struck = Strike(fault, kind);

        Assert.NotNull(await instance.Locks.RenewAsync("report", grant.LeaseId, null, default));

        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.Equal(1, (await HolderAsync()).Version);
    }

    [Fact]
    public async Task A3_a_waiter_whose_session_expires_is_refused_and_never_granted()
    {
        Coordination instance = await StartBehindProxyAsync();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);
        _proxy.Stall();

        await _instances.QueueIsAsync("report", 1);
        await other.ReleaseAsync("report", held.LeaseId);
        LockGrant next = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        _proxy.Resume();

        await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("the waiter is answered", waiting));
        await HeldOnlyByAsync(next);
        await Instances.GrantedAsync(instance.Locks.AcquireAsync("another", s_try, default));
    }

    [Fact]
    public async Task A8_a_waiter_that_hangs_up_while_ZooKeeper_is_away_is_removed_when_it_is_back()
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { SessionTimeout = TimeSpan.FromSeconds(60) });
        Locks other = _instances.Start().Locks;
        await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, hangUp.Token);
        await _instances.QueueIsAsync("report", 2);
        _proxy.Refuse();
        _proxy.Cut();

        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", waiting));
        Assert.Equal(2, (await _instances.ContendersAsync("report")).Count);
        _proxy.Admit();

        await _instances.QueueIsAsync("report", 1);
    }

    [Fact]
    public async Task A_waiter_whose_creation_was_not_answered_before_its_caller_left_is_removed()
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { SessionTimeout = TimeSpan.FromSeconds(60) });
        Locks other = _instances.Start().Locks;
        await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task struck = _proxy.SwallowNextReply(RequestKind.Multi);
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, hangUp.Token);
        await _instances.QueueIsAsync("report", 2);
        await struck;

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", waiting));
        await _instances.QueueIsAsync("report", 1);
    }

    [Fact]
    public async Task L6_an_outage_longer_than_the_lease_does_not_end_it()
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { SessionTimeout = TimeSpan.FromSeconds(60) });
        LockGrant grant = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try with { Ttl = TimeSpan.FromSeconds(6) }, default));
        _proxy.Refuse();
        _proxy.Cut();
        await Task.Delay(TimeSpan.FromSeconds(7), TimeProvider.System);

        _proxy.Admit();
        // A renewal sent before would count its lease from then, and be of no use when it is answered.
        await Eventually.TrueAsync("the instance is back", () => instance.Status.Connected);

        Assert.NotNull(await instance.Locks.RenewAsync("report", grant.LeaseId, null, default));
        await HeldOnlyByAsync(grant);
    }

    [Fact]
    public async Task Without_ZooKeeper_a_call_is_refused_as_unavailable_within_the_deadline_and_does_nothing()
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { StoreDeadline = TimeSpan.FromMilliseconds(500) });
        LockGrant grant = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try, default));
        _proxy.Refuse();
        _proxy.Cut();
        await Eventually.TrueAsync("the loss is noticed", () => !instance.Status.Connected);

        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.Locks.AcquireAsync("other", s_try, default));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.Locks.GetAsync("report", default));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.Locks.RenewAsync("report", grant.LeaseId, null, default));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.Locks.ReleaseAsync("report", grant.LeaseId));
        _proxy.Admit();

        await Eventually.TrueAsync("the instance is back", () => instance.Status.Connected);
        await HeldOnlyByAsync(grant);
        Assert.Empty(await _instances.ContendersAsync("other"));
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

    /// <summary>The waiter has seen who is before it: whatever it does next comes of a change.</summary>
    private async Task WatchIsSetAsync()
    {
        // Others read nodes, too, above all when an instance starts.
        await _instances.QueueIsAsync("report", 2);
        await Eventually.TrueAsync("the waiter watches", () => _proxy.Requests.Any(request => request.Kind == RequestKind.GetData));
    }

    private Task Strike(string fault, RequestKind kind) => fault switch
    {
        nameof(ZooKeeperProxy.DropNextReply) => _proxy.DropNextReply(kind),
        nameof(ZooKeeperProxy.CutBeforeForwarding) => _proxy.CutBeforeForwarding(kind),
        _ => _proxy.ResetInMidReply(kind),
    };

    private async Task HeldOnlyByAsync(LockGrant grant) => Assert.Equal(grant.FencingToken, (await HolderAsync()).CreatedZxid);

    private async Task<Stat> HolderAsync()
    {
        string name = Assert.Single(await _instances.ContendersAsync("report"));
        Stat? stat = await _instances.Observer.ExistsAsync($"/lockservice/locks/report/{name}");
        Assert.Equal(0, stat!.Value.EphemeralOwner);
        return stat.Value;
    }
}
