using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>
/// Waiters that were in nobody's list, because a server came back from a snapshot, and are found there once they are confirmed: whoever did not see them
/// must not overtake them from then on. Here such a waiter is one that comes late, with a number that was left out.
/// </summary>
[Collection("zookeeper")]
public sealed class LockConfirmationTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private const string Report = "/lockservice/locks/report";
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
    [InlineData(LockMode.Exclusive, 1)]
    [InlineData(LockMode.Shared, 1)]
    [InlineData(LockMode.Exclusive, 2)]
    public async Task Nobody_promotes_himself_on_a_listing_from_before_a_confirmation(LockMode mode, int locks)
    {
        Locks other = _instances.Start().Locks;
        Coordination instance = _instances.Start(_proxy.ConnectString);
        LockGrant held = await Instances.GrantedAsync(other.AcquireAsync("report", s_try, default));
        Task<long> waiting = TokenAsync();
        await _instances.QueueIsAsync("report", 2);
        // The holder was created twice under the number 0.
        int free = ContenderName.Parse((await _instances.ContendersAsync("report"))[1])!.Sequence - 1;
        Assert.True(free > 0);

        // It sees that its turn has come, and cannot tell ZooKeeper so before the other one is found.
        Task struck = _proxy.CutBeforeForwarding(RequestKind.Multi);
        _proxy.Refuse();
        await other.ReleaseAsync("report", held.LeaseId);
        await Eventually.CompletesAsync("it promotes itself", struck);
        string found = $"{Report}/{ContenderName.WithSequence(ContenderName.NewPrefix(LockMode.Exclusive, holder: false), free)}";
        NodeData directory = (await _instances.Observer.GetDataAsync(Report))!;
        await _instances.Observer.CommitAsync(new Transaction().Create(found, default, CreateMode.Persistent).SetData(Report, directory.Data, -1));
        int watched = Watched();
        _proxy.Admit();

        await Eventually.TrueAsync("it waits for whom it sees now, or has the lock", () => waiting.IsCompleted || Watched() > watched);
        Assert.False(waiting.IsCompleted, "it has overtaken somebody");
        long before = (await _instances.Observer.SetDataAsync("/lockservice", default, -1)).ModifiedZxid;
        await _instances.Observer.DeleteAsync(found);
        Assert.True(await waiting > before, "it has overtaken somebody");

        async Task<long> TokenAsync()
        {
            if (locks == 1)
            {
                return (await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_wait with { Mode = mode }, default))).FencingToken;
            }

            LockMember[] members = [new("report", mode), new("summary", mode)];
            return Assert.IsType<MultiAcquireResult.Granted>(await instance.MultiLocks.AcquireAsync(members, s_wait, default)).Grant.FencingToken;
        }
    }

    [Fact]
    public async Task A_holder_who_shares_the_lock_hands_it_over_to_nobody_who_may_not_know_who_shares_it_too()
    {
        Coordination instance = _instances.Start(_proxy.ConnectString);
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared }, default));
        int before = Watched();
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, default);
        await Eventually.TrueAsync("it watches the holder", () => Watched() > before);
        int free = ContenderName.Parse((await _instances.ContendersAsync("report"))[1])!.Sequence - 1;
        string found = $"{Report}/{ContenderName.WithSequence(ContenderName.NewPrefix(LockMode.Shared, holder: false), free)}";
        NodeData directory = (await _instances.Observer.GetDataAsync(Report))!;
        await _instances.Observer.CommitAsync(new Transaction().Create(found, default, CreateMode.Persistent).SetData(Report, directory.Data, -1));
        int watched = Watched();

        await instance.Locks.ReleaseAsync("report", held.LeaseId);

        await Eventually.TrueAsync("it waits for whom it sees now, or has the lock", () => waiting.IsCompleted || Watched() > watched);
        long still = (await _instances.Observer.SetDataAsync("/lockservice", default, -1)).ModifiedZxid;
        await _instances.Observer.DeleteAsync(found);
        Assert.True((await Instances.GrantedAsync(waiting)).FencingToken > still, "it has the lock beside somebody who shares it");
    }

    [Fact]
    public async Task A_confirmation_moves_the_version_of_the_directory_and_nothing_else_of_it()
    {
        Locks locks = _instances.Start(change: o => o with { SnapshotTime = TimeSpan.FromMinutes(1) }).Locks;
        await Instances.GrantedAsync(locks.AcquireAsync("other", s_try, default));
        await _instances.Observer.CreateAsync(Report, "native"u8.ToArray());

        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        NodeData directory = (await _instances.Observer.GetDataAsync(Report))!;
        Assert.Equal("native"u8.ToArray(), directory.Data.ToArray());
        Assert.Equal(1, directory.Stat.Version);
        Assert.True(directory.Stat.ModifiedZxid < grant.FencingToken);
    }

    [Fact]
    public async Task In_a_directory_that_is_older_than_a_snapshot_takes_nobody_is_confirmed()
    {
        Locks locks = _instances.Start(change: o => o with { SnapshotTime = TimeSpan.FromMilliseconds(1) }).Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        long made = (await _instances.Observer.ExistsAsync(Report))!.Value.CreatedAt;
        await Eventually.TrueAsync("it is older", async () =>
            (await _instances.Observer.SetDataAsync("/lockservice", default, -1)).ModifiedAt > made + 1);

        Task<AcquireResult> waiting = locks.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);
        await locks.ReleaseAsync("report", held.LeaseId);
        await Instances.GrantedAsync(waiting);

        Assert.Equal(0, (await _instances.Observer.ExistsAsync(Report))!.Value.Version);
    }

    /// <summary>How often a contender was looked at in order to be watched.</summary>
    private int Watched() => _proxy.Requests.Count(request => request.Kind == RequestKind.GetData);
}
