using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Many callers on one lock through two instances: nobody holds it together with somebody else, and the tokens rise.</summary>
[Collection("zookeeper")]
public sealed class LockContentionTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    /// <summary>Far more than the answer to a grant takes, and less than the test goes on granting.</summary>
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(3);

    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task Waiting_callers_hold_a_hot_lock_one_after_the_other()
    {
        const int clients = 20;
        const int cycles = 40;
        Locks[] locks = [_instances.Start().Locks, _instances.Start().Locks];
        var witness = new ExclusionWitness();

        await Task.WhenAll(Enumerable.Range(0, clients).Select(async client =>
        {
            for (int i = 0; i < cycles; i++)
            {
                LockGrant grant = await Instances.GrantedAsync(locks[client % 2].AcquireAsync(
                    "hot", new AcquireOptions { Owner = $"client-{client}", Wait = TimeSpan.FromMinutes(2) }, default));
                witness.Enter(grant.FencingToken);
                witness.Leave();
                Assert.True(await locks[(client + i) % 2].ReleaseAsync("hot", grant.LeaseId));
            }
        }));

        Assert.Equal(clients * cycles, witness.Entered);
        Assert.Empty(await _instances.ContendersAsync("hot"));
    }

    [Fact]
    public async Task Callers_that_do_not_wait_never_hold_a_lock_together()
    {
        const int clients = 16;
        Locks[] locks = [_instances.Start().Locks, _instances.Start().Locks];
        var witness = new ExclusionWitness();

        await Task.WhenAll(Enumerable.Range(0, clients).Select(async client =>
        {
            int granted = 0;
            while (granted < 10)
            {
                AcquireResult result = await locks[client % 2].AcquireAsync("tried", new AcquireOptions { Owner = $"client-{client}" }, default);
                if (result is AcquireResult.Granted { Grant: var grant })
                {
                    witness.Enter(grant.FencingToken);
                    granted++;
                    witness.Leave();
                    Assert.True(await locks[client % 2].ReleaseAsync("tried", grant.LeaseId));
                }
            }
        }));

        Assert.Equal(clients * 10, witness.Entered);
        await _instances.QueueIsAsync("tried", 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nobody_is_told_held_while_nobody_holds_the_lock(bool someWaitAndLeave)
    {
        const int clients = 12;
        Locks[] locks = [_instances.Start().Locks, _instances.Start().Locks, _instances.Start().Locks];
        var gate = new Lock();
        int holding = 0;
        int grants = 0;
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(8), TimeProvider.System);

        await Task.WhenAll(Enumerable.Range(0, clients).Select(async client =>
        {
            Locks mine = locks[client % locks.Length];
            bool waits = someWaitAndLeave && client % 4 == 0;
            var options = new AcquireOptions { Owner = $"client-{client}", Wait = waits ? TimeSpan.FromMilliseconds(5) : TimeSpan.Zero };
            while (!stop.IsCancellationRequested)
            {
                bool wasFree;
                int grantsBefore;
                lock (gate)
                {
                    (wasFree, grantsBefore) = (holding == 0, grants);
                }

                AcquireResult result = await mine.AcquireAsync("tried", options, default);
                if (result is AcquireResult.Granted { Grant: var grant })
                {
                    lock (gate)
                    {
                        holding++;
                        grants++;
                    }

                    Assert.True(await mine.ReleaseAsync("tried", grant.LeaseId));
                    lock (gate)
                    {
                        holding--;
                    }
                }
                else if (!waits)
                {
                    // Whoever was granted the lock meanwhile is heard of when he is answered, at the latest.
                    await Eventually.TrueAsync(
                        "somebody was granted the lock that was called held",
                        () =>
                        {
                            lock (gate)
                            {
                                return !wasFree || grants > grantsBefore;
                            }
                        },
                        s_answer);
                }
            }
        }));

        Assert.True(grants > 100, $"{grants} grants");
    }

    [Fact]
    public async Task Readers_and_writers_never_hold_a_lock_together()
    {
        Locks[] locks = [_instances.Start().Locks, _instances.Start().Locks];
        var gate = new Lock();
        int readers = 0;
        int writers = 0;
        long lastWriterToken = 0;

        await Task.WhenAll(Enumerable.Range(0, 16).Select(async client =>
        {
            LockMode mode = client % 4 == 0 ? LockMode.Exclusive : LockMode.Shared;
            for (int i = 0; i < 25; i++)
            {
                LockGrant grant = await Instances.GrantedAsync(locks[client % 2].AcquireAsync(
                    "mixed", new AcquireOptions { Owner = $"client-{client}", Mode = mode, Wait = TimeSpan.FromMinutes(2) }, default));
                lock (gate)
                {
                    readers += mode == LockMode.Shared ? 1 : 0;
                    writers += mode == LockMode.Exclusive ? 1 : 0;
                    Assert.True(writers == 0 || (writers == 1 && readers == 0), $"{writers} writers and {readers} readers");
                    Assert.True(grant.FencingToken > lastWriterToken, "a token does not rise over that of an earlier writer");
                    lastWriterToken = mode == LockMode.Exclusive ? grant.FencingToken : lastWriterToken;
                }

                await Task.Yield();
                lock (gate)
                {
                    readers -= mode == LockMode.Shared ? 1 : 0;
                    writers -= mode == LockMode.Exclusive ? 1 : 0;
                }

                Assert.True(await locks[(client + i) % 2].ReleaseAsync("mixed", grant.LeaseId));
            }
        }));

        Assert.Empty(await _instances.ContendersAsync("mixed"));
    }
}
