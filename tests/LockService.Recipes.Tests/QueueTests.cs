using System.Text;
using LockService.Recipes.Queueing;
using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class QueueTests(ZooKeeperFixture zookeeper)
{
    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_shortLease = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longWait = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Messages_leave_in_the_order_they_came()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        IReadOnlyList<string> first = await instance.Queues.EnqueueAsync("q", Bodies(1, 2, 3), s_never);
        IReadOnlyList<string> second = await instance.Queues.EnqueueAsync("q", Bodies(4), s_never);

        IReadOnlyList<LeasedMessage> messages = await instance.Queues.DequeueAsync("q", 10, TimeSpan.Zero, s_lease, s_never);

        Assert.Equal([1, 2, 3, 4], messages.Select(Number));
        Assert.Equal([.. first, .. second], messages.Select(message => message.MessageId));
        Assert.All(messages, message => Assert.Equal(1, message.DeliveryCount));
        Assert.Equal(4, messages.Select(message => message.LeaseId).Distinct().Count());
    }

    [Fact]
    public async Task A_queue_that_nobody_has_used_is_empty()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        Assert.Empty(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));

        Assert.Null(await instance.Direct.ExistsAsync("/lockservice/queues"));
    }

    [Fact]
    public async Task A_leased_message_is_hidden_from_everybody()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await one.Queues.EnqueueAsync("q", Bodies(1), s_never);
        await one.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never);

        Assert.Empty(await one.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
        Assert.Empty(await two.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
    }

    [Fact]
    public async Task What_was_enqueued_here_and_elsewhere_is_taken_together_and_nothing_of_it_twice()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        LockHazardTests.CollectGarbage();
        Exception? unobserved = null;
        void Note(object? sender, UnobservedTaskExceptionEventArgs e) => unobserved = e.Exception;
        TaskScheduler.UnobservedTaskException += Note;
        try
        {
            int together = 0;
            for (int round = 0; round < 50; round++)
            {
                await one.Queues.EnqueueAsync("q", Bodies(1), s_never);
                await two.Queues.EnqueueAsync("q", Bodies(2), s_never);
                for (int left = 2; left > 0;)
                {
                    IReadOnlyList<LeasedMessage> messages = await one.Queues.DequeueAsync("q", 2, s_longWait, s_lease, s_never);
                    left -= messages.Count;
                    together += messages.Count == 2 ? 1 : 0;
                }
            }

            LockHazardTests.CollectGarbage();

            Assert.True(together > 0);
            Assert.Null(unobserved);
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Note;
        }
    }

    [Fact]
    public async Task An_acknowledged_message_is_gone_and_leaves_nothing_behind()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await one.Queues.EnqueueAsync("q", Bodies(1), s_never);
        LeasedMessage message = Assert.Single(await one.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));

        Assert.Empty(await two.Queues.AckAsync("q", [message.LeaseId], s_never));

        Assert.Empty(await one.Queue.PathsAsync(Shelf.Messages));
        Assert.Empty(await one.Queue.PathsAsync(Shelf.Deliveries));
        Assert.Equal([message.LeaseId], await one.Queues.AckAsync("q", [message.LeaseId], s_never));
    }

    [Fact]
    public async Task A_message_whose_lease_ends_comes_back_to_its_old_place()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Queues.EnqueueAsync("q", Bodies(1, 2), s_never);
        LeasedMessage early = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_shortLease, s_never));

        LeasedMessage[] later = [];
        await Eventually.TrueAsync("the message is back", async () =>
        {
            later = [.. await instance.Queues.DequeueAsync("q", 2, TimeSpan.Zero, s_shortLease, s_never)];
            return later.Length == 2;
        });

        Assert.Equal([1, 2], later.Select(Number));
        Assert.Equal(early.MessageId, later[0].MessageId);
        Assert.True(later[0].DeliveryCount > 1);
    }

    [Fact]
    public async Task The_lease_that_has_ended_acknowledges_nothing_while_the_next_one_does()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Queues.EnqueueAsync("q", Bodies(1), s_never);
        LeasedMessage early = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_shortLease, s_never));
        LeasedMessage late = Assert.Single(await instance.Queues.DequeueAsync("q", 1, s_longWait, s_lease, s_never));

        Assert.Equal([early.LeaseId], await instance.Queues.AckAsync("q", [early.LeaseId, late.LeaseId], s_never));
        Assert.Equal(2, late.DeliveryCount);
        Assert.Empty(await instance.Queue.PathsAsync(Shelf.Messages));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("00000000000000000000000000000000-0123456789abcdef-0-0")]
    [InlineData("00000000000000000000000000000000-0123456789abcdef-00-0")]
    [InlineData("00000000000000000000000000000000-../../counters/-0-0")]
    public async Task A_lease_that_never_was_is_lost(string leaseId)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        Assert.Equal([leaseId], await instance.Queues.AckAsync("q", [leaseId], s_never));
    }

    [Fact]
    public async Task The_right_message_with_the_wrong_secret_acknowledges_nothing()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Queues.EnqueueAsync("q", Bodies(1), s_never);
        LeasedMessage message = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
        string forged = string.Concat(new string('0', 32), message.LeaseId.AsSpan(32));

        Assert.Equal([forged], await instance.Queues.AckAsync("q", [forged], s_never));
        Assert.Empty(await instance.Queues.AckAsync("q", [message.LeaseId], s_never));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_waits_gets_a_message_that_another_instance_enqueues(bool queueExists)
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        if (queueExists)
        {
            await EmptyAsync(one);
        }

        Task<IReadOnlyList<LeasedMessage>> waiting = one.Queues.DequeueAsync("q", 1, s_longWait, s_lease, s_never);
        await two.Queues.EnqueueAsync("q", Bodies(7), s_never);

        Assert.Equal(7, Number(Assert.Single(await Eventually.CompletesAsync("the message is delivered", waiting))));
    }

    [Fact]
    public async Task A_message_of_higher_priority_from_another_instance_goes_before_those_that_are_known_here()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        for (int i = 0; i < 500; i += 100)
        {
            await one.Queues.EnqueueAsync("q", Bodies([.. Enumerable.Range(i, 100)]), s_never);
        }

        Assert.Single(await one.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
        await two.Queues.EnqueueAsync("q", [new NewMessage(Bodies(1000)[0]) { Priority = 1 }], null, s_never);

        await Eventually.TrueAsync("it goes before the others", async () =>
            Number(Assert.Single(await one.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never))) == 1000);

        Assert.NotEmpty(await one.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
    }

    [Fact]
    public async Task Who_waits_is_served_in_order_of_arrival()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        Task<IReadOnlyList<LeasedMessage>>[] waiting =
            [.. Enumerable.Range(0, 5).Select(_ => instance.Queues.DequeueAsync("q", 1, s_longWait, s_lease, s_never))];

        await instance.Queues.EnqueueAsync("q", Bodies(0, 1, 2, 3, 4), s_never);

        IReadOnlyList<LeasedMessage>[] served = await Eventually.CompletesAsync("all are served", Task.WhenAll(waiting));
        Assert.Equal([0, 1, 2, 3, 4], served.Select(messages => Number(Assert.Single(messages))));
    }

    [Fact]
    public async Task Who_has_waited_long_enough_gets_nothing()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        Assert.Empty(await instance.Queues.DequeueAsync("q", 1, TimeSpan.FromMilliseconds(200), s_lease, s_never));
    }

    [Fact]
    public async Task Draining_answers_those_who_wait()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        Task<IReadOnlyList<LeasedMessage>> waiting = instance.Queues.DequeueAsync("q", 1, s_longWait, s_lease, s_never);

        await instance.Draining.CancelAsync();

        await Assert.ThrowsAsync<DrainingException>(() => waiting);
        await Assert.ThrowsAsync<DrainingException>(() => instance.Queues.EnqueueAsync("q", Bodies(1), s_never));
    }

    [Fact]
    public async Task The_leases_of_an_instance_that_is_gone_are_found_by_the_sweep_of_another()
    {
        TestInstance dead = await TestInstance.StartAsync(zookeeper);
        await dead.Queues.EnqueueAsync("q", Bodies(1), s_never);
        await dead.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_shortLease, s_never);
        await dead.DisposeAsync();
        await using TestInstance other = await TestInstance.StartAsync(zookeeper, dead.Chroot);

        await other.Queues.SweepAsync(s_never);

        string delivery = Assert.Single(await other.Queue.PathsAsync(Shelf.Deliveries));
        await Eventually.TrueAsync("the message is back", async () => await other.Queue.CountAsync(Shelf.Returned) == 1);
        Assert.Contains("Returned", await other.TextAsync(delivery), StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_waiters_than_allowed_are_refused()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        using var leaving = new CancellationTokenSource();
        Task[] waiting =
        [
            .. Enumerable.Range(0, instance.Options.MaxWaiters).Select(_ => instance.Queues.DequeueAsync("q", 1, s_longWait, s_lease, leaving.Token)),
        ];

        await Assert.ThrowsAsync<TooManyWaitersException>(() => instance.Queues.DequeueAsync("q", 1, s_longWait, s_lease, s_never));
        Assert.Empty(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(waiting));
    }

    internal static ReadOnlyMemory<byte>[] Bodies(params int[] numbers) =>
        [.. numbers.Select(number => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"{number}"))];

    internal static int Number(LeasedMessage message) =>
        int.Parse(message.Body.Span, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Leaves the queue with both its directories, and empty.</summary>
    private static async Task EmptyAsync(TestInstance instance)
    {
        await instance.Queues.EnqueueAsync("q", Bodies(0), s_never);
        LeasedMessage message = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
        await instance.Queues.AckAsync("q", [message.LeaseId], s_never);
    }
}
