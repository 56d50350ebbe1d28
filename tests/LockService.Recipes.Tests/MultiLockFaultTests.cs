using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Every step of a lease on several locks with its answer lost, or cut off before it was sent: the effect is there exactly once.</summary>
[Collection("zookeeper")]
public sealed class MultiLockFaultTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
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

    public static TheoryData<string, RequestKind> Faults(params RequestKind[] kinds) => LockFaultTests.Faults(kinds);

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Multi } })]
    public async Task Free_locks_are_granted_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        Task struck = Strike(fault, kind);

        MultiGrant grant = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));

        await Eventually.CompletesAsync("the fault struck", struck);
        await HeldOnlyByAsync(grant);
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Multi, RequestKind.GetData } })]
    public async Task Waiters_enter_the_queues_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("b", s_try, default));
        Task struck = Strike(fault, kind);
        Task<MultiAcquireResult> waiting = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, default);
        await Eventually.CompletesAsync("the fault struck", struck);
        await _instances.QueueIsAsync("b", 2);
        Assert.Single(await _instances.ContendersAsync("a"));

        await other.ReleaseAsync("b", held.LeaseId);

        MultiGrant grant = await GrantedAsync(waiting);
        Assert.True(grant.FencingToken > held.FencingToken);
        await HeldOnlyByAsync(grant);
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Multi } })]
    public async Task Waiters_are_promoted_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("b", s_try, default));
        Task<MultiAcquireResult> waiting = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, default);
        await WatchIsSetAsync();
        Task struck = Strike(fault, kind);

        await other.ReleaseAsync("b", held.LeaseId);

        MultiGrant grant = await GrantedAsync(waiting);
        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.True(grant.FencingToken > held.FencingToken);
        await HeldOnlyByAsync(grant);
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.MultiRead, RequestKind.Multi } })]
    public async Task A_renewal_bumps_the_version_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        MultiGrant grant = await GrantedAsync(_instances.Start().MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        Task struck = Strike(fault, kind);

        Assert.NotNull(await instance.MultiLocks.RenewAsync(grant.LeaseId, null, null, default));

        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.Equal((1, 0), ((await HolderAsync("a")).Version, (await HolderAsync("b")).Version));
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.Multi } })]
    public async Task A_release_is_acknowledged_and_done_once_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        MultiGrant grant = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        Task struck = Strike(fault, kind);

        Assert.True(await instance.MultiLocks.ReleaseAsync(grant.LeaseId, null));

        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.Empty(await _instances.ContendersAsync("a"));
        Assert.Empty(await _instances.ContendersAsync("b"));
        Assert.False(await instance.MultiLocks.ReleaseAsync(grant.LeaseId, null));
    }

    [Theory]
    [MemberData(nameof(Faults), new object[] { new[] { RequestKind.GetData, RequestKind.Multi } })]
    public async Task A_lease_ends_on_all_locks_whatever_answer_is_lost(string fault, RequestKind kind)
    {
        Coordination instance = await StartBehindProxyAsync();
        await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try with { Ttl = TimeSpan.FromSeconds(1) }, default));
        Task struck = Strike(fault, kind);

        await _instances.QueueIsAsync("a", 0);

        await Eventually.CompletesAsync("the fault struck", struck);
        Assert.Empty(await _instances.ContendersAsync("b"));
        MultiGrant next = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        await HeldOnlyByAsync(next);
    }

    [Fact]
    public async Task A_waiter_whose_session_expires_is_refused_and_never_granted()
    {
        Coordination instance = await StartBehindProxyAsync();
        Locks other = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("b", s_try, default));
        Task<MultiAcquireResult> waiting = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, default);
        await _instances.QueueIsAsync("b", 2);
        _proxy.Stall();

        await _instances.QueueIsAsync("b", 1);
        await other.ReleaseAsync("b", held.LeaseId);
        await Instances.GrantedAsync(other.AcquireAsync("a", s_try, default));
        _proxy.Resume();

        await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("the waiter is answered", waiting));
        await _instances.QueueIsAsync("b", 0);
        await _instances.QueueIsAsync("a", 1);
    }

    [Fact]
    public async Task Waiters_whose_creation_was_not_answered_before_their_caller_left_are_removed()
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { SessionTimeout = TimeSpan.FromSeconds(60) });
        await Instances.GrantedAsync(_instances.Start().Locks.AcquireAsync("b", s_try, default));
        using var hangUp = new CancellationTokenSource();
        Task struck = _proxy.SwallowNextReply(RequestKind.Multi);
        Task<MultiAcquireResult> waiting = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, hangUp.Token);
        await _instances.QueueIsAsync("b", 2);
        await struck;

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", waiting));
        await _instances.QueueIsAsync("a", 0);
        await _instances.QueueIsAsync("b", 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_grant_that_was_not_answered_before_its_caller_left_is_given_back_on_all_locks(bool waited)
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { SessionTimeout = TimeSpan.FromSeconds(60) });
        Locks other = _instances.Start().Locks;
        LockGrant? held = waited ? await Instances.GrantedAsync(other.AcquireAsync("b", s_try, default)) : null;
        using var hangUp = new CancellationTokenSource();
        await NodesAboveAreThereAsync(instance);
        StallAtNextGrant();
        Task<MultiAcquireResult> acquiring = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_wait, hangUp.Token);
        if (held is not null)
        {
            await _instances.QueueIsAsync("b", 2);
            await other.ReleaseAsync("b", held.LeaseId);
        }

        await IsGrantedAsync("b");

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.CompletesAsync("the caller is let go", acquiring));
        Assert.Single(await _instances.ContendersAsync("a"));
        _proxy.Resume();
        await _instances.QueueIsAsync("a", 0);
        await _instances.QueueIsAsync("b", 0);
    }

    [Fact]
    public async Task A_grant_that_came_too_late_to_be_of_use_is_given_back_on_all_locks()
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { SessionTimeout = TimeSpan.FromSeconds(60) });
        var ttl = TimeSpan.FromSeconds(2);
        await NodesAboveAreThereAsync(instance);
        StallAtNextGrant();
        Task<MultiAcquireResult> acquiring = instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try with { Ttl = ttl }, default);
        await IsGrantedAsync("b");
        await Task.Delay(ttl * 3 / 4, TimeProvider.System);

        _proxy.Resume();

        await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("the caller is answered", acquiring));
        await _instances.QueueIsAsync("a", 0);
        await _instances.QueueIsAsync("b", 0);
    }

    [Fact]
    public async Task Without_ZooKeeper_a_call_is_refused_as_unavailable_within_the_deadline_and_does_nothing()
    {
        Coordination instance = await StartBehindProxyAsync(o => o with { StoreDeadline = TimeSpan.FromMilliseconds(500) });
        MultiGrant grant = await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("a", "b"), s_try, default));
        _proxy.Refuse();
        _proxy.Cut();
        await Eventually.TrueAsync("the loss is noticed", () => !instance.Status.Connected);

        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.MultiLocks.AcquireAsync(Locks("c", "d"), s_wait, default));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.MultiLocks.RenewAsync(grant.LeaseId, null, null, default));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.MultiLocks.ReleaseAsync(grant.LeaseId, null));
        _proxy.Admit();

        await Eventually.TrueAsync("the instance is back", () => instance.Status.Connected);
        await HeldOnlyByAsync(grant);
        Assert.Empty(await _instances.ContendersAsync("c"));
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
    private Task WatchIsSetAsync() =>
        Eventually.TrueAsync("the waiter watches", () => _proxy.Requests.Any(request => request.Kind == RequestKind.GetData));

    /// <summary>The next grant is not refused for want of them.</summary>
    private static async Task NodesAboveAreThereAsync(Coordination instance) =>
        await GrantedAsync(instance.MultiLocks.AcquireAsync(Locks("other"), s_try, default));

    private Task IsGrantedAsync(string name) => Eventually.TrueAsync(
        "it is granted",
        async () => await _instances.ContendersAsync(name) is [var only] && ContenderName.Parse(only) is { IsOfMultiLease: true });

    /// <summary>From the next transaction on that makes a holder, nothing reaches the client.</summary>
    private void StallAtNextGrant()
    {
        bool stalled = false;
        _ = _proxy.DropNextReply(request =>
        {
            // The upkeep of the service's own, which comes when it likes, is smaller, and so is the entry into a queue.
            if (!stalled && request is { Kind: RequestKind.Multi, Bytes: > 750 })
            {
                _proxy.Stall(ProxyDirections.ToClient);
                stalled = true;
            }

            return false;
        });
    }

    private Task Strike(string fault, RequestKind kind) => fault switch
    {
        nameof(ZooKeeperProxy.DropNextReply) => _proxy.DropNextReply(kind),
        nameof(ZooKeeperProxy.CutBeforeForwarding) => _proxy.CutBeforeForwarding(kind),
        _ => _proxy.ResetInMidReply(kind),
    };

    private async Task HeldOnlyByAsync(MultiGrant grant)
    {
        foreach (LockMember one in grant.Locks)
        {
            Assert.Equal(grant.FencingToken, (await HolderAsync(one.Name)).CreatedZxid);
        }
    }

    private async Task<Stat> HolderAsync(string name)
    {
        string holder = Assert.Single(await _instances.ContendersAsync(name));
        Stat? stat = await _instances.Observer.ExistsAsync($"/lockservice/locks/{name}/{holder}");
        Assert.Equal(0, stat!.Value.EphemeralOwner);
        return stat.Value;
    }

    private static LockMember[] Locks(params string[] names) => MultiLockTests.Locks(names);

    private static Task<MultiGrant> GrantedAsync(Task<MultiAcquireResult> acquiring) => MultiLockTests.GrantedAsync(acquiring);
}
