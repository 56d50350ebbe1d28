using LockService.Recipes.Queueing;
using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Delays and times to live: whatever any wall clock says, and whoever is there to time them.</summary>
[Collection("another zookeeper")]
public sealed class QueueTimeTests(ZooKeeperFixture zookeeper)
{
    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task A_wall_clock_an_hour_off_changes_no_delay_and_no_time_to_live(int hours)
    {
        await using Instances instances = await Instances.OnAsync(zookeeper);
        Coordination right = instances.Start();
        await using Coordination wrong = Start(instances, TimeSpan.FromHours(hours));
        await Eventually.TrueAsync("both are there", async () => await wrong.Queues.GetAsync("q", s_never) is null && await right.Queues.GetAsync("q", s_never) is null);
        long begin = TimeProvider.System.GetTimestamp();
        await wrong.Queues.EnqueueAsync("q", [Message(1) with { Delay = TimeSpan.FromSeconds(2) }], null, s_never);
        await wrong.Queues.EnqueueAsync("short", [Message(2) with { TimeToLive = TimeSpan.FromSeconds(2) }], null, s_never);
        await wrong.Queues.EnqueueAsync("long", [Message(3) with { TimeToLive = TimeSpan.FromMinutes(2) }], null, s_never);

        IReadOnlyList<LeasedMessage> delayed = await Eventually.CompletesAsync(
            "the delay ends", right.Queues.DequeueAsync("q", 1, TimeSpan.FromSeconds(50), s_lease, s_never));

        // An hour early or late would be seen in each of them.
        Assert.Equal(1, QueueTests.Number(Assert.Single(delayed)));
        Assert.True(TimeProvider.System.GetElapsedTime(begin) >= TimeSpan.FromSeconds(2), $"after {TimeProvider.System.GetElapsedTime(begin)}");
        await Eventually.TrueAsync("the time to live ends", async () =>
        {
            IReadOnlyList<LeasedMessage> found = await right.Queues.DequeueAsync("short", 1, TimeSpan.Zero, TimeSpan.FromMilliseconds(500), s_never);
            return found.Count == 0 && await right.Queues.GetAsync("short", s_never) is { Ready: 0, Leased: 0 };
        });
        Assert.Single(await right.Queues.DequeueAsync("long", 1, TimeSpan.Zero, s_lease, s_never));
    }

    [Fact]
    public async Task A_delay_goes_on_when_the_instance_that_timed_it_is_gone()
    {
        await using Instances instances = await Instances.OnAsync(zookeeper);
        Coordination gone = instances.Start(change: options => options with { SweepInterval = TimeSpan.FromSeconds(1) });
        await gone.Queues.EnqueueAsync("q", [Message(1) with { Delay = TimeSpan.FromSeconds(4) }], null, s_never);
        long begin = TimeProvider.System.GetTimestamp();
        Coordination next = instances.Start(change: options => options with { SweepInterval = TimeSpan.FromSeconds(1) });
        await Eventually.TrueAsync("the other one is there", async () => await next.Queues.GetAsync("q", s_never) is { Delayed: 1 });
        await gone.DisposeAsync();

        IReadOnlyList<LeasedMessage> messages = await Eventually.CompletesAsync(
            "the message comes", next.Queues.DequeueAsync("q", 1, TimeSpan.FromSeconds(60), s_lease, s_never));

        TimeSpan waited = TimeProvider.System.GetElapsedTime(begin);
        Assert.Equal(1, QueueTests.Number(Assert.Single(messages)));
        // What README states: a second more, and the time until somebody looked.
        Assert.InRange(waited, TimeSpan.FromSeconds(3.9), TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task Messages_that_have_had_their_time_are_removed_though_nobody_asks_for_them()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        instance.Time.Start(() => true);
        await instance.Queues.EnqueueAsync("q", [Message(1) with { TimeToLive = TimeSpan.FromMilliseconds(100) }, Message(2)], null, s_never);

        await Eventually.TrueAsync("the first is removed", async () =>
        {
            await instance.Queues.SweepAsync(s_never);
            return await instance.Queue.CountAsync(Shelf.Messages) == 1;
        });

        Assert.Equal(2, QueueTests.Number(Assert.Single(await instance.Queues.DequeueAsync("q", 9, TimeSpan.Zero, s_lease, s_never))));
    }

    /// <summary>All their ends are built on the belief that the segment is still there; nobody sweeps here.</summary>
    [Fact]
    public async Task Delays_that_end_together_end_all_though_the_segment_they_return_to_has_gone()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        instance.Time.Start(() => true);
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(0), s_never);
        for (int delivery = 1; delivery <= 2; delivery++)
        {
            LeasedMessage message = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
            string[] lease = [message.LeaseId];
            Assert.Empty(delivery == 1
                ? await instance.Queues.NackAsync("q", lease, TimeSpan.Zero, null, s_never)
                : await instance.Queues.AckAsync("q", lease, null, s_never));
        }

        await instance.Direct.DeleteAsync((await instance.Queue.TreeAsync())!.Value.Segment(Shelf.Returned, new SegmentName(0, 0)));

        const int delays = 20;
        NewMessage[] delayed = [.. Enumerable.Range(1, delays).Select(number => Message(number) with { Delay = TimeSpan.FromMilliseconds(300) })];
        await instance.Queues.EnqueueAsync("q", delayed, null, s_never);

        var delivered = new List<int>();
        while (delivered.Count < delays)
        {
            IReadOnlyList<LeasedMessage> messages = await instance.Queues.DequeueAsync("q", delays, TimeSpan.FromSeconds(20), s_lease, s_never);
            Assert.True(messages.Count > 0, $"{delivered.Count} of {delays} delays have ended");
            delivered.AddRange(messages.Select(QueueTests.Number));
        }

        Assert.Equal(Enumerable.Range(1, delays), delivered.Order());
    }

    [Fact]
    public async Task The_shared_time_goes_on_where_it_stopped_and_never_faster_than_time()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await one.Direct.CreateAsync("/lockservice");
        await one.Direct.CreateAsync("/lockservice/clock", "5000000"u8.ToArray());
        long begin = TimeProvider.System.GetTimestamp();
        one.Time.Start(() => true);
        await Eventually.CompletesAsync("the time is known", one.Time.WhenKnownAsync());

        await Eventually.TrueAsync("the time goes on", async () =>
            long.Parse((await one.TextAsync("/lockservice/clock"))!, System.Globalization.CultureInfo.InvariantCulture) >= 5_001_500);

        Assert.InRange(one.Time.Now, 5_001_500, 5_000_000 + (long)TimeProvider.System.GetElapsedTime(begin).TotalMilliseconds);
    }

    private static NewMessage Message(int number) => new(QueueTests.Bodies(number)[0]);

    private static Coordination Start(Instances instances, TimeSpan wallOffset) => new(
        new CoordinationOptions { ZooKeeper = ConnectString.Parse(instances.Servers + instances.Chroot), SessionTimeout = TimeSpan.FromSeconds(4) },
        new WrongClock(wallOffset),
        NullLoggerFactory.Instance);

    /// <summary>A clock whose wall time is off, and whose monotonic time, as on another machine, began at another moment.</summary>
    private sealed class WrongClock(TimeSpan offset) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + offset;

        public override long GetTimestamp() => base.GetTimestamp() + (long)(Math.Abs(offset.TotalSeconds) * TimestampFrequency);
    }
}
