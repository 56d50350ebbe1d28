using LockService.Recipes.Commit;
using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>
/// Waiters that were in nobody's list, because a server came back from a snapshot, and are found there once they are confirmed. Here such a waiter is one that
/// comes late, with a number that was left out.
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
    [InlineData(LockMode.Shared, null)]
    [InlineData(LockMode.Exclusive, "a-key")]
    public async Task Who_waited_for_a_holder_of_this_instance_looks_before_he_takes_the_lock(LockMode mode, string? key)
    {
        Coordination instance = _instances.Start(_proxy.ConnectString);
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try with { Mode = mode }, default));
        int before = Watched();
        GrantCompanions? companions = key is null
            ? null
            : _ => [new UnitOperation.Create($"/{key}", default, CreateMode.Persistent)];
        Task<AcquireResult> waiting = instance.Locks.AcquireAsync("report", s_wait, companions, default);
        await Eventually.TrueAsync("it watches the holder", () => Watched() > before);
        int free = ContenderName.Parse((await _instances.ContendersAsync("report"))[1])!.Sequence - 1;
        string found = $"{Report}/{ContenderName.WithSequence(ContenderName.NewPrefix(mode, holder: false), free)}";
        await _instances.Observer.CreateAsync(found);
        int watched = Watched();

        await instance.Locks.ReleaseAsync("report", held.LeaseId);

        await Eventually.TrueAsync("it waits for whom it sees now, or has the lock", () => waiting.IsCompleted || Watched() > watched);
        long still = (await _instances.Observer.SetDataAsync("/lockservice", default, -1)).ModifiedZxid;
        await _instances.Observer.DeleteAsync(found);
        Assert.True((await Instances.GrantedAsync(waiting)).FencingToken > still, "it has overtaken somebody");
    }

    /// <summary>How often a contender was looked at in order to be watched.</summary>
    private int Watched() => _proxy.Requests.Count(request => request.Kind == RequestKind.GetData);
}
