using System.Globalization;
using LockService.Benchmarks.Contenders;
using LockService.Benchmarks.Conversations;

namespace LockService.Benchmarks.Rows;

/// <summary>Increments.</summary>
internal static class CounterRows
{
    private const int Connections = 64;
    private const int Counters = 1000;

    internal static Row Hot { get; } = new("counter", "increments/s of one counter, 64 connections", async site =>
    [
        new(await site.ServiceAsync(Enumerable.Range(0, Connections).Select(_ => new Increments(["hot"])))),
        new(new ClientContender("Curator DistributedAtomicLong, 64 threads", await site.CuratorAsync(), "counter 64"), Target: 50),
        new(new BestThreadCount("kazoo Counter", await site.KazooAsync(), "counter", 1, 4, 16)),
    ]);

    internal static Row Many { get; } = new("counters", "increments/s over 1,000 counters, 64 connections", async site =>
    [
        new(await site.ServiceAsync(OverAll())),
        new(await site.BareKestrelAsync(OverAll()), Target: 0.4) { CpuLimit = 3 },
    ]);

    private static IEnumerable<Increments> OverAll()
    {
        string[] names = [.. Enumerable.Range(0, Counters).Select(i => string.Create(CultureInfo.InvariantCulture, $"many-{i}"))];
        return Enumerable.Range(0, Connections).Select(i => new Increments(names, i * Counters / Connections));
    }
}
