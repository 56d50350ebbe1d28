using System.Collections.Concurrent;
using LockService.Recipes.Queueing;
using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class QueueFaultTests(ZooKeeperFixture zookeeper)
{
    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(60);

    public enum Loss
    {
        Reply,
        Request,
        ReplyAndSession,
        ReplyAndServer,
    }

    [Theory]
    [InlineData(Loss.Reply)]
    [InlineData(Loss.Request)]
    [InlineData(Loss.ReplyAndSession)]
    [InlineData(Loss.ReplyAndServer)]
    public async Task An_enqueue_that_got_lost_is_there_once(Loss loss)
    {
        await using ZooKeeperServer? own = loss == Loss.ReplyAndServer ? await ZooKeeperServer.StartNewAsync() : null;
        await using TestInstance instance = await StartAsync(own);
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1), s_never);
        Func<Task> lose = Arrange(instance, loss, own);

        Task<IReadOnlyList<string>> enqueue = instance.Queues.EnqueueAsync("q", QueueTests.Bodies(2, 3), s_never);
        await lose();
        IReadOnlyList<string> ids = await Eventually.CompletesAsync("it is enqueued", enqueue);

        IReadOnlyList<LeasedMessage> messages = await instance.Queues.DequeueAsync("q", 10, TimeSpan.Zero, s_lease, s_never);
        Assert.Equal([1, 2, 3], messages.Select(QueueTests.Number));
        Assert.Equal(ids, messages.Skip(1).Select(message => message.MessageId));
    }

    [Theory]
    [InlineData(Loss.Reply)]
    [InlineData(Loss.Request)]
    [InlineData(Loss.ReplyAndSession)]
    [InlineData(Loss.ReplyAndServer)]
    public async Task A_dequeue_that_got_lost_delivers_once(Loss loss)
    {
        await using ZooKeeperServer? own = loss == Loss.ReplyAndServer ? await ZooKeeperServer.StartNewAsync() : null;
        await using TestInstance instance = await StartAsync(own);
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
        LeasedMessage first = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never));
        Func<Task> lose = Arrange(instance, loss, own);

        Task<IReadOnlyList<LeasedMessage>> dequeue = instance.Queues.DequeueAsync("q", 10, TimeSpan.Zero, s_lease, s_never);
        await lose();
        LeasedMessage second = Assert.Single(await Eventually.CompletesAsync("it is delivered", dequeue));

        Assert.Equal((2, 1), (QueueTests.Number(second), second.DeliveryCount));
        Assert.Empty(await instance.Queues.AckAsync("q", [first.LeaseId, second.LeaseId], s_never));
    }

    [Theory]
    [InlineData(Loss.Reply)]
    [InlineData(Loss.Request)]
    [InlineData(Loss.ReplyAndSession)]
    [InlineData(Loss.ReplyAndServer)]
    public async Task An_acknowledgement_that_got_lost_counts(Loss loss)
    {
        await using ZooKeeperServer? own = loss == Loss.ReplyAndServer ? await ZooKeeperServer.StartNewAsync() : null;
        await using TestInstance instance = await StartAsync(own);
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
        IReadOnlyList<LeasedMessage> messages = await instance.Queues.DequeueAsync("q", 2, TimeSpan.Zero, s_lease, s_never);
        Func<Task> lose = Arrange(instance, loss, own);

        Task<IReadOnlyList<string>> ack = instance.Queues.AckAsync("q", [.. messages.Select(message => message.LeaseId)], s_never);
        await lose();

        Assert.Empty(await Eventually.CompletesAsync("it is acknowledged", ack));
        Assert.Empty(await instance.Queue.PathsAsync(Shelf.Messages));
        Assert.Empty(await instance.Queue.PathsAsync(Shelf.Deliveries));
    }

    [Fact]
    public async Task A_message_taken_for_somebody_who_has_left_goes_back_as_if_never_delivered()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await PrepareAsync(instance);
        Task swallowed = instance.Proxy.SwallowNextReply(RequestKind.Multi);
        using var leaving = new CancellationTokenSource();
        Task<IReadOnlyList<LeasedMessage>> gone = instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, leaving.Token);
        await Eventually.CompletesAsync("it is taken", swallowed);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        instance.Proxy.Cut();

        Assert.Equal(1, Assert.Single(await DequeueAsync(instance)).DeliveryCount);
    }

    [Fact]
    public async Task A_message_taken_without_anybody_knowing_goes_back_once_that_is_known()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: TimeSpan.FromSeconds(2));
        await PrepareAsync(instance);
        Task swallowed = instance.Proxy.SwallowNextReply(RequestKind.Multi);

        Task<IReadOnlyList<LeasedMessage>> unknown = instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, s_never);
        await Eventually.CompletesAsync("it is taken", swallowed);
        await Assert.ThrowsAsync<EffectUnknownException>(() => unknown);
        instance.Proxy.Cut();

        Assert.Equal(1, Assert.Single(await DequeueAsync(instance)).DeliveryCount);
    }

    [Fact]
    public async Task Nobody_waits_longer_for_messages_than_the_store_is_allowed_to_be_away()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: TimeSpan.FromSeconds(1));
        Task<IReadOnlyList<LeasedMessage>> waiting = instance.Queues.DequeueAsync("q", 1, TimeSpan.FromMinutes(5), s_lease, s_never);

        instance.Proxy.Refuse();
        instance.Proxy.Cut();

        await Assert.ThrowsAsync<StoreUnavailableException>(() => Eventually.CompletesAsync("it is told", waiting));
    }

    [Fact]
    public async Task Nothing_is_lost_doubled_or_disordered_over_random_losses_on_two_instances()
    {
        const int producers = 4;
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        TestInstance[] instances = [one, two];
        var delivered = new ConcurrentQueue<int>();
        int[] enqueued = new int[producers];
        int acknowledged = 0;
        using var enough = new CancellationTokenSource();
        // Bounds the backlog, which every dequeue lists.
        using var room = new SemaphoreSlim(40);

        async Task ProduceAsync(int producer)
        {
            while (!enough.IsCancellationRequested)
            {
                await room.WaitAsync();
                await instances[producer % 2].Queues.EnqueueAsync("q", QueueTests.Bodies((producer * 100_000) + enqueued[producer]), s_never);
                enqueued[producer]++;
            }
        }

        Task producing = Task.WhenAll(Enumerable.Range(0, producers).Select(ProduceAsync));
        async Task ConsumeAsync(TestInstance instance)
        {
            while (!producing.IsCompleted || Volatile.Read(ref acknowledged) < enqueued.Sum())
            {
                IReadOnlyList<LeasedMessage> messages = await instance.Queues.DequeueAsync("q", 3, TimeSpan.FromSeconds(1), s_lease, s_never);
                foreach (LeasedMessage message in messages)
                {
                    Assert.Equal(1, message.DeliveryCount);
                    delivered.Enqueue(QueueTests.Number(message));
                }

                if (messages.Count > 0)
                {
                    Assert.Empty(await instance.Queues.AckAsync("q", [.. messages.Select(message => message.LeaseId)], s_never));
                    Interlocked.Add(ref acknowledged, messages.Count);
                    room.Release(messages.Count);
                }
            }
        }

        Task done = Task.WhenAll([producing, .. instances.Select(ConsumeAsync), .. instances.Select(ConsumeAsync)]);
        for (int i = 0; i < 15 && !done.IsCompleted; i++)
        {
            ZooKeeperProxy proxy = instances[random.Next(2)].Proxy;
            Task struck = random.Next(3) switch
            {
                0 => proxy.DropNextReply(RequestKind.Multi),
                1 => proxy.CutBeforeForwarding(RequestKind.Multi),
                _ => proxy.DropNextReply(),
            };
            await Eventually.CompletesAsync($"the fault strikes (seed {seed})", Task.WhenAny(struck, done));
            // A fault that strikes before anything went on would hit the same change again, until its deadline.
            int before = Volatile.Read(ref acknowledged);
            await Eventually.TrueAsync("messages are acknowledged", () => done.IsCompleted || Volatile.Read(ref acknowledged) > before + 6);
        }

        await enough.CancelAsync();
        await Eventually.CompletesAsync($"all is consumed (seed {seed})", done, TimeSpan.FromMinutes(2));
        Assert.Equal(
            Enumerable.Range(0, producers).SelectMany(producer => Enumerable.Range(producer * 100_000, enqueued[producer])),
            delivered.Order());
        Assert.Empty(await one.Queue.PathsAsync(Shelf.Deliveries));
    }

    [Fact]
    public async Task One_consumer_sees_every_producers_messages_in_order_over_random_losses()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        Task producing = Task.Run(async () =>
        {
            for (int i = 0; i < 60; i++)
            {
                await one.Queues.EnqueueAsync("q", QueueTests.Bodies(i), s_never);
            }
        });
        var delivered = new List<int>();

        Task struck = Task.CompletedTask;

        while (delivered.Count < 60)
        {
            if (struck.IsCompleted && random.Next(2) == 0)
            {
                ZooKeeperProxy proxy = (random.Next(2) == 0 ? one : two).Proxy;
                struck = random.Next(2) == 0 ? proxy.DropNextReply(RequestKind.Multi) : proxy.CutBeforeForwarding(RequestKind.Multi);
            }

            IReadOnlyList<LeasedMessage> messages = await two.Queues.DequeueAsync("q", 5, TimeSpan.FromSeconds(30), s_lease, s_never);
            delivered.AddRange(messages.Select(QueueTests.Number));
            await two.Queues.AckAsync("q", [.. messages.Select(message => message.LeaseId)], s_never);
        }

        await producing;
        Assert.True(Enumerable.Range(0, 60).SequenceEqual(delivered), $"seed {seed}: {string.Join(' ', delivered)}");
    }

    /// <summary>Leaves one message in a queue from which messages were delivered before, so that the next delivery is one batch.</summary>
    private static async Task PrepareAsync(TestInstance instance)
    {
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
        await DequeueAsync(instance);
    }

    private static Task<IReadOnlyList<LeasedMessage>> DequeueAsync(TestInstance instance) => Eventually.CompletesAsync(
        "a message is delivered", instance.Queues.DequeueAsync("q", 1, TimeSpan.FromSeconds(30), s_lease, s_never));

    private async Task<TestInstance> StartAsync(ZooKeeperServer? own) =>
        own is null ? await TestInstance.StartAsync(zookeeper) : await TestInstance.StartAsync(own, chroot: "");

    private static Func<Task> Arrange(TestInstance instance, Loss loss, ZooKeeperServer? own)
    {
        ZooKeeperProxy proxy = instance.Proxy;
        Task struck = loss == Loss.Request ? proxy.CutBeforeForwarding(RequestKind.Multi) : proxy.DropNextReply(RequestKind.Multi);
        if (loss is Loss.Reply or Loss.Request)
        {
            return () => Eventually.CompletesAsync("the fault has struck", struck);
        }

        return async () =>
        {
            await Eventually.CompletesAsync("the fault has struck", struck);
            proxy.Refuse();
            proxy.Cut();
            await (loss == Loss.ReplyAndSession ? instance.KillSessionAsync() : own!.RestartAsync());
            proxy.Admit();
        };
    }
}
