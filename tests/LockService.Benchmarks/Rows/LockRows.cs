using LockService.Benchmarks.Contenders;
using LockService.Benchmarks.Conversations;

namespace LockService.Benchmarks.Rows;

/// <summary>Locks that nobody else wants, and locks that everybody wants.</summary>
internal static class LockRows
{
    private const int Connections = 64;
    private const int WaitMs = 60_000;

    internal static Row Uncontended { get; } = new("locks", "lock cycles/s (acquire, release), 64 connections with a lock each", async site =>
    [
        new(await site.ServiceAsync(OwnLocks())),
        new(await site.EtcdAsync("etcd JSON gateway, lock + unlock", Connections, (i, lease) => new EtcdLockCycle($"own-{i}", lease)), Target: 3),
        new(await site.EtcdAsync("etcd JSON gateway, bare put-if-absent + delete", Connections, (i, lease) => new EtcdKeyCycle($"key-{i}", lease))),
        new(new ClientContender("Curator InterProcessMutex, 64 threads", await site.CuratorAsync(), "own-lock 64"), Target: 4),
        new(await site.BareKestrelAsync(OwnLocks())) { CpuLimit = 3 },
    ]);

    internal static Row Hot { get; } = HandOvers("handover", 16, target: 3);

    internal static Row VeryHot { get; } = HandOvers("handover100", 100, target: null);

    internal static Row Renewals { get; } = new("renew", "renewals/s, 64 connections with a lease each", async site =>
    [
        new(await site.ServiceAsync(Enumerable.Range(0, Connections).Select(i => new Renewals($"renewed-{i}")))),
        new(await site.ServiceAsync(OwnLocks(), "service, lock cycles/s (two requests each)")),
    ])
    { IsDefault = false };

    private static IEnumerable<LockCycle> OwnLocks() => Enumerable.Range(0, Connections).Select(i => new LockCycle($"own-{i}", 0));

    private static Row HandOvers(string key, int waiters, double? target) => new(key, $"hand-overs/s of one lock, {waiters} waiters", async site =>
    [
        new(await site.ServiceAsync(Enumerable.Range(0, waiters).Select(_ => new LockCycle($"hot-{waiters}", WaitMs)))),
        new(new ClientContender($"Curator InterProcessMutex, {waiters} threads", await site.CuratorAsync(), $"hot-lock {waiters}"), target),
    ]);
}
