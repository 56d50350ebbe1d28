using System.Text;
using LockService.Benchmarks.Contenders;
using LockService.Benchmarks.Conversations;
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
        await site.MakeReadyAsync(QueueFilling.Many("long", Waiting, connections: 8));
        return
        [
            new(await site.ServiceAsync(Cycling("long"))),
            new(await site.ServiceAsync(Cycling("empty"), "service, with none waiting"), Target: 0.8),
        ];
    })
    { IsDefault = false };

    private static IEnumerable<QueueCycle> Cycling(string name) => Enumerable.Range(0, Connections).Select(_ => new QueueCycle(name));
}
