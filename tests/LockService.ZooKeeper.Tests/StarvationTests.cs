using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Run alone: they take the thread pool away from everybody in the process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class StarvedThreadPool
{
    public const string Name = "starved thread pool";
}

[Collection(StarvedThreadPool.Name)]
public sealed class StarvationTests
{
    [Fact]
    public async Task P8_A_session_outlives_its_timeout_while_the_thread_pool_is_blocked()
    {
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync();
        using var proxy = new ZooKeeperProxy(server.Port);
        var options = new ZooKeeperOptions { Servers = ConnectString.Parse(proxy.ConnectString), SessionTimeout = TimeSpan.FromSeconds(1) };
        await using var client = new ZooKeeperClient(options);
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        long session = client.SessionId;
        using var release = new ManualResetEventSlim();
        int blocked = 0;
        Task[] blockers = [.. Enumerable.Range(0, 200).Select(_ => Task.Run(() =>
        {
            Interlocked.Increment(ref blocked);
            release.Wait();
        }))];
        // On this thread, since the pool could not be asked: three session timeouts of pings, and a reconnect in between.
        Assert.True(SpinWait.SpinUntil(() => Pings(proxy) >= 5, TimeSpan.FromSeconds(30)), "pings go on");
        proxy.Cut();
        Assert.True(SpinWait.SpinUntil(() => proxy.Connects.Count >= 2, TimeSpan.FromSeconds(30)), "the client reconnects");
        Assert.True(SpinWait.SpinUntil(() => Pings(proxy) >= 10, TimeSpan.FromSeconds(30)), "pings go on after the reconnect");
        Assert.True(Volatile.Read(ref blocked) < blockers.Length, "the pool was blocked all the time");

        release.Set();
        await Task.WhenAll(blockers);

        Assert.Equal(session, (await client.ExistsAsync("/e"))?.EphemeralOwner);
        Assert.Equal(2, proxy.Connects.Count);
    }

    private static int Pings(ZooKeeperProxy proxy) => proxy.Requests.Count(request => request.Kind == RequestKind.Ping);
}
