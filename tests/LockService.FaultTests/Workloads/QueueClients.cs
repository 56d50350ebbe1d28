using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using LockService.Testing;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>
/// Producers of one queue, with keys and without, and consumers, of whom some die, give back, extend, come too late, or acknowledge under a key
/// again and again. Producers pause while many messages are left, so that consumers, whatever faults there are, can drain the queue.
/// </summary>
internal sealed class QueueClients(string name, ServiceCaller caller, ConcurrentDictionary<string, int> unknown, int seed)
{
    private const int Producers = 3;
    private const int Consumers = 6;
    private const long MostMessages = 200;
    private const int LeaseMs = 2_000;

    private static readonly TimeSpan s_lease = TimeSpan.FromMilliseconds(LeaseMs);

    private readonly QueueChecker _checker = new(TimeProvider.System);
    private long _length;
    private int _producers = Producers;
    private int _keys;

    /// <summary>Works until it is told to stop, and then until the queue is empty or patience ends.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        using var patience = new Patience(stop);
        using var drained = new CancellationTokenSource();
        Task watching = WatchAsync(drained.Token);
        Task[] consumers = [.. Enumerable.Range(0, Consumers).Select(consumer => ConsumeAsync(new Random(seed - consumer - 1), drained.Token, patience.Over))];
        await Task.WhenAll(Enumerable.Range(0, Producers).Select(producer => ProduceAsync(producer, new Random(seed + producer), stop, patience.Over)));
        while (await LengthAsync() != 0 && !patience.Over.IsCancellationRequested)
        {
            await PauseAsync(200);
        }

        await drained.CancelAsync();
        await Task.WhenAll([watching, .. consumers]);
    }

    /// <summary>Takes what is left, and says whether nothing is.</summary>
    internal async Task<bool> DrainAsync()
    {
        if (await LengthAsync() == 0)
        {
            return true;
        }

        await TakeAsync(new Random(seed), 100, (_, message, delivery) => AcknowledgeAsync(0, message, delivery));
        return false;
    }

    internal CheckReport Check() => new($"queue {name}", _checker.Violations(), new Dictionary<string, double>
    {
        ["enqueued"] = _checker.Enqueues, ["delivered"] = _checker.Deliveries, ["acknowledged"] = _checker.Acknowledgements,
    });

    private async Task ProduceAsync(int producer, Random random, CancellationToken stop, CancellationToken giveUp)
    {
        for (int i = 0; !stop.IsCancellationRequested; i++)
        {
            if (Interlocked.Read(ref _length) <= MostMessages)
            {
                int priority = random.Next(3) == 0 ? 5 : 0;
                bool isKeyed = random.Next(2) == 0;
                await EnqueueAsync(producer, random.Next(caller.Count), priority, string.Create(CultureInfo.InvariantCulture, $"{producer}/{i}"), isKeyed, giveUp);
            }

            await PauseAsync(random.Next(50, 200));
        }
    }

    private async Task EnqueueAsync(int producer, int instance, int priority, string body, bool isKeyed, CancellationToken giveUp)
    {
        var request = new { body, priority };
        Reply? reply = isKeyed
            ? await SettleAsync(instance, "enqueue", request, giveUp)
            : await caller.PostAsync(instance, Path("enqueue"), request, hangUp: CancellationToken.None);
        switch (caller.Judge(reply, $"Enqueue of {body} in {name}"))
        {
            case CallOutcome.Done:
                _checker.Enqueued(producer, priority, body, certain: true);
                break;
            case CallOutcome.Unknown:
                // It may come into the queue behind what this producer sends next: it counts as the only message of another one.
                _checker.Enqueued(Interlocked.Increment(ref _producers), priority, body, certain: false);
                Count("left open", when: !isKeyed);
                break;
        }
    }

    private async Task ConsumeAsync(Random random, CancellationToken drained, CancellationToken giveUp)
    {
        while (!drained.IsCancellationRequested)
        {
            if (!await TakeAsync(random, random.Next(1, 4), (chance, message, delivery) => ProcessAsync(chance, message, delivery, giveUp)))
            {
                // Each dequeue of which nobody knows makes the order of the messages less certain.
                await PauseAsync(random.Next(200, 800));
            }
        }
    }

    /// <returns>False if it could not be asked.</returns>
    private async Task<bool> TakeAsync(Random random, int max, Func<Random, JsonElement, QueueChecker.Delivery, Task> process)
    {
        const int waitMs = 300;
        long sentAt = _checker.Now;
        Reply? reply = await caller.PostAsync(
            random.Next(caller.Count), Path("dequeue"), new { max, waitMs, leaseMs = LeaseMs }, wait: TimeSpan.FromMilliseconds(waitMs), hangUp: CancellationToken.None);
        CallOutcome outcome = caller.Judge(reply, $"Dequeue of {name}", 404, 429);
        if (outcome == CallOutcome.Unknown)
        {
            _checker.DequeueDoubtful(max, sentAt);
            Count("left open");
        }

        if (outcome != CallOutcome.Done)
        {
            return false;
        }

        JsonElement[] messages = [.. reply!.Body.GetProperty("messages").EnumerateArray()];
        if (TimeProvider.System.GetElapsedTime(sentAt) >= s_lease)
        {
            // The lease was over before the answer came: these were given to nobody.
            _checker.DequeueDoubtful(messages.Length, sentAt);
            return false;
        }

        (JsonElement Message, QueueChecker.Delivery Delivery)[] taken =
        [
            .. messages.Select(message => (
                message, _checker.Delivered(message.GetProperty("body").GetString()!, sentAt, s_lease, message.GetProperty("deliveryCount").GetInt32()))),
        ];
        foreach ((JsonElement message, QueueChecker.Delivery delivery) in taken)
        {
            await process(random, message, delivery);
        }

        return true;
    }

    private async Task ProcessAsync(Random random, JsonElement message, QueueChecker.Delivery delivery, CancellationToken giveUp)
    {
        int instance = random.Next(caller.Count);
        switch (random.Next(24))
        {
            case 0:
                // The consumer dies.
                return;
            case 1:
                await PauseAsync(LeaseMs);
                break;
            case 2 or 3:
                await ExtendAsync(instance, message, delivery);
                break;
            case 4 or 5:
                _checker.LettingGo(delivery);
                Reply? given = await caller.PostAsync(
                    instance, Path("nack"), new { leaseIds = Lease(message), delayMs = random.Next(2) * 100 }, hangUp: CancellationToken.None);
                Count("left open", when: caller.Judge(given, $"Nack in {name}", 410) == CallOutcome.Unknown);
                return;
            case < 12:
                await AcknowledgeUnderKeyAsync(instance, message, delivery, giveUp);
                return;
            default:
                await PauseAsync(random.Next(0, 30));
                break;
        }

        await AcknowledgeAsync(instance, message, delivery);
    }

    private async Task ExtendAsync(int instance, JsonElement message, QueueChecker.Delivery delivery)
    {
        long sentAt = _checker.Now;
        Reply? reply = await caller.PostAsync(instance, Path("extend"), new { leaseIds = Lease(message), leaseMs = 2 * LeaseMs });
        CallOutcome outcome = caller.Judge(reply, $"Extension in {name}", 410);
        if (outcome == CallOutcome.Done)
        {
            _checker.Extended(delivery, sentAt, 2 * s_lease);
        }

        Count("left open", when: outcome == CallOutcome.Unknown);
    }

    private async Task AcknowledgeAsync(int instance, JsonElement message, QueueChecker.Delivery delivery)
    {
        _checker.LettingGo(delivery);
        Conclude(await caller.PostAsync(instance, Path("ack"), new { leaseIds = Lease(message) }), delivery);
        Count("left open", when: delivery.IsDoubtful);
    }

    private async Task AcknowledgeUnderKeyAsync(int instance, JsonElement message, QueueChecker.Delivery delivery, CancellationToken giveUp)
    {
        _checker.LettingGo(delivery);
        Conclude(await SettleAsync(instance, "ack", new { leaseIds = Lease(message) }, giveUp), delivery);
    }

    private void Conclude(Reply? reply, QueueChecker.Delivery delivery)
    {
        switch (caller.Judge(reply, $"Acknowledgement in {name}", 410))
        {
            case CallOutcome.Done:
                _checker.Acknowledged(delivery);
                break;
            case CallOutcome.Refused when (int)reply!.Status == 410:
                _checker.Refused(delivery);
                break;
            case CallOutcome.Unknown:
                delivery.IsDoubtful = true;
                break;
        }
    }

    private async Task<Reply?> SettleAsync(int instance, string verb, object body, CancellationToken giveUp)
    {
        string key = string.Create(CultureInfo.InvariantCulture, $"{name}-{verb}-{Interlocked.Increment(ref _keys)}");
        SettledReply settled = await caller.SettleAsync(instance, Path(verb), body, key, giveUp);
        Count(settled.Reply is null ? "left open" : "repeated, done", when: settled.WasOpen);
        return settled.Reply;
    }

    /// <summary>Keeps an eye on the queue's length, for the producers.</summary>
    private async Task WatchAsync(CancellationToken drained)
    {
        while (!drained.IsCancellationRequested)
        {
            Interlocked.Exchange(ref _length, await LengthAsync() ?? Interlocked.Read(ref _length));
            await PauseAsync(300);
        }
    }

    /// <returns>Messages that are not acknowledged; null if nobody could tell.</returns>
    private async Task<long?> LengthAsync()
    {
        Reply? reply = await caller.GetAsync(Random.Shared.Next(caller.Count), $"/v1/queues/{name}");
        return (int?)reply?.Status == 404 ? 0
            : caller.Judge(reply, $"State of {name}") == CallOutcome.Done ? reply!.Number("ready") + reply.Number("delayed") + reply.Number("leased") + reply.Number("deadLettered")
            : null;
    }

    private static string[] Lease(JsonElement message) => [message.GetProperty("leaseId").GetString()!];

    private string Path(string verb) => $"/v1/queues/{name}/{verb}";

    private static Task PauseAsync(int milliseconds) => Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System);

    private void Count(string how, bool when = true)
    {
        if (when)
        {
            unknown.AddOrUpdate(how, 1, (_, count) => count + 1);
        }
    }
}
