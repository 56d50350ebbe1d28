using LockService.Recipes.Locking.Events;
using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Streams of events where something is lost, and their limits.</summary>
[Collection("zookeeper")]
public sealed class LockEventTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly Dictionary<LockEvents, Queue<LockEvent>> _unread = [];
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task L8_what_happened_while_the_connection_was_away_is_told_as_a_state()
    {
        await using TestInstance listening = await TestInstance.StartAsync(zooKeeper);
        await using TestInstance other = await TestInstance.StartAsync(zooKeeper, listening.Chroot);
        using LockEvents events = await listening.Locks.ListenAsync("report", null, default);
        Assert.Equal(LockEventType.Resync, (await NextAsync(events)).Type);

        listening.Proxy.Refuse();
        listening.Proxy.Cut();
        LockGrant grant = await Instances.GrantedAsync(other.Locks.AcquireAsync("report", s_try, default));
        listening.Proxy.Admit();

        LockEvent resync = await NextAsync(events);
        Assert.Equal(LockEventType.Resync, resync.Type);
        Assert.Equal(grant.FencingToken, Assert.Single(resync.State!.Holders).FencingToken);
        await other.Locks.ReleaseAsync("report", grant.LeaseId);
        Assert.Equal(LockEventType.Released, (await NextAsync(events)).Type);
    }

    [Fact]
    public async Task A_stream_outlives_the_session_that_followed_the_lock()
    {
        await using TestInstance listening = await TestInstance.StartAsync(zooKeeper);
        await using TestInstance other = await TestInstance.StartAsync(zooKeeper, listening.Chroot);
        using LockEvents events = await listening.Locks.ListenAsync("report", null, default);
        await NextAsync(events);

        await listening.KillSessionAsync();

        Assert.Equal(LockEventType.Resync, (await NextAsync(events)).Type);
        LockGrant grant = await Instances.GrantedAsync(other.Locks.AcquireAsync("report", s_try, default));
        LockEvent acquired = await NextAsync(events);
        Assert.Equal((LockEventType.Acquired, grant.FencingToken), (acquired.Type, acquired.FencingToken));
    }

    [Fact]
    public async Task Who_reads_too_slowly_is_told_the_state_instead_of_what_he_missed()
    {
        Locks locks = _instances.Start().Locks;
        using LockEvents slow = await locks.ListenAsync("report", null, default);
        using LockEvents quick = await locks.ListenAsync("report", null, default);
        await NextAsync(slow);
        await NextAsync(quick);
        int seen = 0;
        while (seen < 1_100)
        {
            LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
            await locks.ReleaseAsync("report", grant.LeaseId);
            for (int i = 0; i < 2; i++, seen++)
            {
                Assert.Equal(seen % 2 == 0 ? LockEventType.Acquired : LockEventType.Released, (await NextAsync(quick)).Type);
            }
        }

        Assert.Equal(LockEventType.Resync, (await NextAsync(slow)).Type);
    }

    [Fact]
    public async Task A_lease_that_ended_unseen_is_told_as_expired()
    {
        await using TestInstance listening = await TestInstance.StartAsync(zooKeeper);
        await using TestInstance other = await TestInstance.StartAsync(zooKeeper, listening.Chroot);
        LockGrant grant = await Instances.GrantedAsync(other.Locks.AcquireAsync("report", s_try, default));
        using LockEvents? events = await listening.Locks.ListenToLeaseAsync(grant.LeaseId, default);

        listening.Proxy.Refuse();
        listening.Proxy.Cut();
        await other.Locks.ReleaseAsync("report", grant.LeaseId);
        listening.Proxy.Admit();

        Assert.Equal(LockEventType.Expired, (await NextAsync(events!)).Type);
        Assert.True(events!.IsOver);
    }

    [Fact]
    public async Task A_feed_is_given_up_and_its_watch_with_it_only_after_its_last_listener_and_not_at_once()
    {
        Locks locks = _instances.Start().Locks;
        string last;
        using (LockEvents events = await locks.ListenAsync("report", null, default))
        {
            last = (await NextAsync(events)).Id;
        }

        await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        using LockEvents again = await locks.ListenAsync("report", last, default);
        Assert.Equal(LockEventType.Acquired, (await NextAsync(again)).Type);
    }

    [Fact]
    public async Task More_streams_than_allowed_are_refused()
    {
        Locks locks = _instances.Start().Locks;
        var open = new List<LockEvents>();
        for (int i = 0; i < LockFeeds.MaxListeners; i++)
        {
            open.Add(await locks.ListenAsync("report", null, default));
        }

        await Assert.ThrowsAsync<TooManyWaitersException>(() => locks.ListenAsync("report", null, default));

        open[0].Dispose();
        open[0].Dispose();
        open[0] = await locks.ListenAsync("report", null, default);
        await Assert.ThrowsAsync<TooManyWaitersException>(() => locks.ListenAsync("other", null, default));
        open.ForEach(events => events.Dispose());
    }

    [Fact]
    public async Task Draining_ends_streams()
    {
        Coordination instance = _instances.Start();
        using LockEvents events = await instance.Locks.ListenAsync("report", null, default);
        await NextAsync(events);
        Task<IReadOnlyList<LockEvent>> reading = events.ReadAsync(TimeSpan.FromMinutes(5), default);

        instance.Drain();

        await Assert.ThrowsAsync<DrainingException>(() => Eventually.CompletesAsync("the stream ends", reading));
    }

    private async Task<LockEvent> NextAsync(LockEvents events)
    {
        if (!_unread.TryGetValue(events, out Queue<LockEvent>? unread))
        {
            _unread.Add(events, unread = new Queue<LockEvent>());
        }

        for (int read = 0; unread.Count == 0; read++)
        {
            Assert.True(read < 4, "nothing happens");
            foreach (LockEvent next in await events.ReadAsync(s_patience, default))
            {
                unread.Enqueue(next);
            }
        }

        return unread.Dequeue();
    }
}
