using System.Collections.Concurrent;
using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>Producers and consumers of two queues, see <see cref="QueueClients"/>.</summary>
internal sealed class QueueFaultWorkload : IWorkload
{
    private readonly ConcurrentDictionary<string, int> _unknown = new();
    private readonly ServiceCaller _caller;
    private readonly QueueClients[] _queues;

    internal QueueFaultWorkload(ServiceCaller caller, int seed)
    {
        _caller = caller;
        _queues = [new QueueClients("first", caller, _unknown, seed), new QueueClients("second", caller, _unknown, seed + 1_000)];
    }

    public string Name => "queues";

    public long Operations => _caller.Operations;

    public IReadOnlyDictionary<string, int> Unknown => _unknown;

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(_queues.Select(queue => queue.RunAsync(stop)));

    public async Task<bool> HasSettledAsync()
    {
        bool[] empty = await Task.WhenAll(_queues.Select(queue => queue.DrainAsync()));
        return empty.All(isEmpty => isEmpty);
    }

    public IReadOnlyList<CheckReport> Check(FaultTimeline faults) => [.. _queues.Select(queue => queue.Check()), LockFaultWorkload.Answers(_caller)];
}
