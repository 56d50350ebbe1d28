using LockService.Recipes.Locking;
using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Locks for which about as many have queued as ZooKeeper can count, on a server of their own.</summary>
public sealed class LockNumberTests : IAsyncLifetime
{
    private const string Filler = "/lockservice/locks/report/filler";

    private const int Last = int.MaxValue - (1 << 24);

    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };

    private ZooKeeperServer _server = null!;

    public async Task InitializeAsync() => _server = await ZooKeeperServer.StartNewAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Z14_near_the_end_of_the_numbers_nobody_is_let_in_until_the_queue_has_emptied_and_begun_anew()
    {
        await using Instances instances = Instances.On(_server);
        Locks locks = instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        await _server.RestartWithNumberAsync(Filler, Last);
        await Eventually.TrueAsync("the instance is back", async () => await locks.RenewAsync("report", held.LeaseId, null, default) is not null);

        Task<AcquireResult> last = locks.AcquireAsync("report", s_wait, default);
        await Eventually.TrueAsync("the last one waits", async () => (await locks.GetAsync("report", default)).QueueLength == 1);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => locks.AcquireAsync("report", s_wait, default));
        Assert.Equal(1, (await locks.GetAsync("report", default)).QueueLength);

        await locks.ReleaseAsync("report", held.LeaseId);
        LockGrant granted = await Instances.GrantedAsync(last);
        await instances.Observer.DeleteAsync(Filler);
        await locks.ReleaseAsync("report", granted.LeaseId);
        LockGrant anew = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        Assert.True(anew.FencingToken > granted.FencingToken);
        Assert.Equal(0, ContenderName.Parse(Assert.Single(await instances.ContendersAsync("report")))!.Sequence);
    }
}
