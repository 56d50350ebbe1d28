using LockService.Recipes.Queueing;
using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class QueueFollowerTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task Who_begins_it_under_a_lock_and_who_is_asked_under_the_same_one_do_not_stop_each_other()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        var gate = new Lock();
        using var held = new ManualResetEventSlim();
        using var asking = new ManualResetEventSlim();
        bool IsWanted()
        {
            asking.Set();
            lock (gate)
            {
                return false;
            }
        }

        QueueFollower follower = NewFollower(instance, heard: () => { }, IsWanted);
        Task<bool> coming = Task.Run(() =>
        {
            lock (gate)
            {
                held.Set();
                asking.Wait();
                return follower.Start();
            }
        });
        Task<bool> beginning = Task.Run(() =>
        {
            held.Wait();
            return follower.Start();
        });

        Assert.False(await Eventually.CompletesAsync("who came is told that it runs", coming));
        Assert.True(await Eventually.CompletesAsync("it has begun", beginning));
        await Eventually.TrueAsync("it has ended, and begins anew", follower.Start);
    }

    [Fact]
    public async Task Who_comes_while_it_ends_is_heard_of()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        QueueFollower? follower = null;
        int asked = 0;
        bool? begun = null;
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool IsWanted()
        {
            if (++asked > 1)
            {
                return !heard.Task.IsCompleted;
            }

            // Nobody wants it, which is about to be said; and here somebody comes.
            begun = follower!.Start();
            return false;
        }

        follower = NewFollower(instance, () => heard.TrySetResult(), IsWanted);
        Assert.True(follower.Start());

        await Eventually.CompletesAsync("what the queue does is heard of", heard.Task);
        Assert.False(begun);
    }

    private static QueueFollower NewFollower(TestInstance instance, Action heard, Func<bool> isWanted)
    {
        QueueServices services = instance.QueueServices;
        var queue = new LocalQueue("q", services, new DeliveryMoves(services));
        return new QueueFollower(queue, new ReadyWindow(queue, services), services, heard, _ => { }, isWanted);
    }
}
