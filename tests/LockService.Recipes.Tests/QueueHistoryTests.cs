using System.Collections.Concurrent;
using System.Text;
using LockService.Testing;
using Xunit;
using Xunit.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>
/// Producers and consumers on three instances, of which some die, give back, extend or acknowledge late, while connections break, instances are
/// replaced or killed, and ZooKeeper restarts. What the clients saw must be what a queue can do (<see cref="QueueChecker"/>).
/// </summary>
public sealed class QueueHistoryTests(ITestOutputHelper output)
{
    private const int Consumers = 4 * Site.Instances;

    /// <summary>Messages that may wait for an acknowledgement before producers pause: consumers are slow on purpose, and all must be drained.</summary>
    private const int MaxWaiting = 150;

    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, bool> _waiting = new();

    /// <summary>With LOCKSERVICE_LONG=1 of four minutes, and another one every time.</summary>
    [Fact]
    public Task What_clients_saw_is_what_a_queue_can_do()
    {
        bool isLong = Environment.GetEnvironmentVariable("LOCKSERVICE_LONG") == "1";
        return isLong ? RunAsync(TimeSpan.FromMinutes(4), Environment.TickCount) : RunAsync(TimeSpan.FromSeconds(6), seed: 20_261);
    }

    private async Task RunAsync(TimeSpan duration, int seed)
    {
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync();
        await using var site = new Site(server);
        var checker = new QueueChecker(TimeProvider.System);
        using var producing = new CancellationTokenSource();
        using var consuming = new CancellationTokenSource();
        Task[] producers = [.. Enumerable.Range(0, Site.Instances).Select(i => ProduceAsync(site, checker, i, seed + i, producing.Token))];
        Task[] consumers = [.. Enumerable.Range(0, Consumers).Select(i => ConsumeAsync(site, checker, i, seed - i - 1, consuming.Token))];

        await DisturbAsync(site, new Random(seed), duration);
        await producing.CancelAsync();
        await Eventually.CompletesAsync($"the producers end (seed {seed})", Task.WhenAll(producers), TimeSpan.FromMinutes(2));
        await Eventually.TrueAsync($"the queue is empty (seed {seed})", () => IsEmptyAsync(site), TimeSpan.FromMinutes(2));
        await consuming.CancelAsync();
        await Eventually.CompletesAsync($"the consumers end (seed {seed})", Task.WhenAll(consumers), TimeSpan.FromMinutes(2));

        IReadOnlyList<string> violations = checker.Violations();
        output.WriteLine($"seed {seed}: {checker.Enqueues} messages, {checker.Deliveries} deliveries, {checker.Acknowledgements} acknowledgements");
        Assert.True(violations.Count == 0, $"seed {seed}, {checker.Deliveries} deliveries: {string.Join("; ", violations.Take(20))}");
        Assert.True(checker.Deliveries > 50, $"only {checker.Deliveries} deliveries (seed {seed})");
    }

    private async Task ProduceAsync(Site site, QueueChecker checker, int producer, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            int priority = random.Next(3) == 0 ? 5 : 0;
            string body = $"\"{producer}/{i}\"";
            _waiting[body] = true;
            bool? certain = await TriedAsync(() => site[producer].CallAsync(queues => queues.EnqueueAsync(
                "q", [new NewMessage(Encoding.UTF8.GetBytes(body)) { Priority = priority }], null, CancellationToken.None)));
            if (certain is { } outcome)
            {
                checker.Enqueued(producer, priority, body, outcome);
            }

            if (certain != true)
            {
                // Perhaps nobody will ever acknowledge it.
                _waiting.TryRemove(body, out _);
            }

            do
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(20)), TimeProvider.System, CancellationToken.None);
            }
            while (_waiting.Count >= MaxWaiting && !stop.IsCancellationRequested);
        }
    }

    private async Task ConsumeAsync(Site site, QueueChecker checker, int consumer, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        while (!stop.IsCancellationRequested)
        {
            int max = random.Next(1, 4);
            IReadOnlyList<LeasedMessage> messages = [];
            long sentAt = checker.Now;
            bool? done = await TriedAsync(async () =>
                messages = await site[consumer].CallAsync(
                    queues => queues.DequeueAsync("q", max, TimeSpan.FromMilliseconds(300), s_lease, null, CancellationToken.None)));
            if (done == false)
            {
                checker.DequeueDoubtful(max, sentAt);
            }

            foreach ((LeasedMessage message, QueueChecker.Delivery delivery) in messages.Select(message =>
                (message, checker.Delivered(Encoding.UTF8.GetString(message.Body.Span), sentAt, s_lease, message.DeliveryCount))).ToList())
            {
                await ProcessAsync(site[random.Next(Site.Instances)], checker, message, delivery, random);
            }
        }
    }

    private async Task ProcessAsync(SiteInstance instance, QueueChecker checker, LeasedMessage message, QueueChecker.Delivery delivery, Random random)
    {
        switch (random.Next(12))
        {
            case 0:
                // The consumer dies.
                return;
            case 1:
                await Task.Delay(s_lease, TimeProvider.System);
                break;
            case 2:
                long sentAt = checker.Now;
                IReadOnlyList<string> lost = ["?"];
                bool? extended = await TriedAsync(async () => lost = await instance.CallAsync(
                    queues => queues.ExtendAsync("q", [message.LeaseId], 2 * s_lease, null, CancellationToken.None)));
                if (extended == true && lost.Count == 0)
                {
                    checker.Extended(delivery, sentAt, 2 * s_lease);
                }

                break;
            case 3:
                checker.LettingGo(delivery);
                TimeSpan delay = TimeSpan.FromMilliseconds(random.Next(2) * 100);
                await TriedAsync(() => instance.CallAsync(queues => queues.NackAsync("q", [message.LeaseId], delay, null, CancellationToken.None)));
                return;
        }

        await AcknowledgeAsync(instance, checker, message, delivery);
    }

    private async Task AcknowledgeAsync(SiteInstance instance, QueueChecker checker, LeasedMessage message, QueueChecker.Delivery delivery)
    {
        checker.LettingGo(delivery);
        IReadOnlyList<string> lost = [];
        switch (await TriedAsync(async () => lost = await instance.CallAsync(
            queues => queues.AckAsync("q", [message.LeaseId], null, CancellationToken.None))))
        {
            case true when lost.Count == 0:
                checker.Acknowledged(delivery);
                _waiting.TryRemove(delivery.Body, out _);
                break;
            case true:
                checker.Refused(delivery);
                break;
            case false:
                delivery.IsDoubtful = true;
                _waiting.TryRemove(delivery.Body, out _);
                break;
        }
    }

    /// <returns>True: it was done or refused. Null: it was not done. False: nobody knows.</returns>
    private static async Task<bool?> TriedAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (EffectUnknownException)
        {
            return false;
        }
        catch (CoordinationException)
        {
            return null;
        }
    }

    private static async Task DisturbAsync(Site site, Random random, TimeSpan duration)
    {
        long begin = TimeProvider.System.GetTimestamp();
        for (int turn = 0; TimeProvider.System.GetElapsedTime(begin) < duration; turn++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200, 600)), TimeProvider.System);
            switch (turn % 8)
            {
                case 2:
                    site.Kill(random.Next(Site.Instances), closesConnections: random.Next(2) == 0);
                    break;
                case 4:
                    site.Replace(random.Next(Site.Instances));
                    break;
                case 6:
                    await site.RestartZooKeeperAsync();
                    break;
                default:
                    site.Disturb(random.Next(Site.Instances), random);
                    break;
            }
        }
    }

    private static async Task<bool> IsEmptyAsync(Site site)
    {
        QueueState? state = null;
        bool? read = await TriedAsync(async () => state = await site[0].CallAsync(queues => queues.GetAsync("q", CancellationToken.None)));
        return read == true && state is { Ready: 0, Delayed: 0, Leased: 0 };
    }
}
