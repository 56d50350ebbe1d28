using System.Globalization;
using System.Text;
using LockService.Benchmarks.Contenders;
using LockService.Benchmarks.Conversations;
using LockService.Benchmarks.Load;
using LockService.Testing;

namespace LockService.Benchmarks.Rows;

/// <summary>Messages.</summary>
internal static class QueueRows
{
    private const int Connections = 64;
    private const int Waiting = 200_000;

    internal static Row Cycles { get; } = new("queue", "queue cycles/s (enqueue, dequeue, ack), 64 connections", async site =>
    [
        new(await site.ServiceAsync(Cycling("short"))),
        new(new BestThreadCount("kazoo LockingQueue", await site.KazooAsync(), "queue", 1, 4, 16), Target: 20),
    ]);

    internal static Row Full { get; } = new("queue-full", "queue cycles/s with 200,000 messages waiting, 64 connections", async site =>
    {
        ServiceProcess service = (await site.ServicesAsync())[0];
        using var room = new StringContent("""{"maxLength":1000000}""", Encoding.UTF8, "application/json");
        (await service.Http.PutAsync(new Uri("/v1/queues/long", UriKind.Relative), room)).EnsureSuccessStatusCode();
        PrintMemory("before the messages", site, service);
        await site.MakeReadyAsync(QueueFilling.Many("long", Waiting, connections: 8));
        PrintMemory("with the messages", site, service);
        return
        [
            new(await site.ServiceAsync(Cycling("long"))),
            new(await site.ServiceAsync(Cycling("empty"), "service, with none waiting"), Target: 0.8),
        ];
    })
    { IsDefault = false };

    private static void PrintMemory(string when, Site site, ServiceProcess service)
    {
        double live = ProcessFigures.LiveJavaHeapMiB(site.ZooKeeper.ProcessId);
        double ofZooKeeper = ProcessFigures.MemoryMiB(site.ZooKeeper.ProcessId);
        double ofService = ProcessFigures.MemoryMiB(service.ProcessId);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"queue-full, memory {when}: ZooKeeper {live:F0} MiB live in its heap, {ofZooKeeper:F0} MiB resident; service {ofService:F0} MiB resident"));
    }

    private static IEnumerable<QueueCycle> Cycling(string name) => Enumerable.Range(0, Connections).Select(_ => new QueueCycle(name));
}
