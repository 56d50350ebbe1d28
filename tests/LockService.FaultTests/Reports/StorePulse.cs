using System.Collections.Concurrent;
using LockService.FaultTests.Clusters;
using LockService.FaultTests.Nemeses;
using LockService.ZooKeeper;

namespace LockService.FaultTests.Reports;

/// <summary>
/// Writes to ZooKeeper all the time, past the service and all links, to know when ZooKeeper itself, or the machine, was too slow for anybody to be
/// served: see <see cref="FaultTimeline.Silences"/>.
/// </summary>
internal sealed class StorePulse(FaultCluster cluster, TimeProvider clock, long start)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(20);

    /// <summary>Then another connection is tried, as its server may be the one that is broken.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>A write is tried every 20 ms and takes some milliseconds. A lease that ends takes two, and some reads, of the second it may take.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromMilliseconds(100);

    private readonly ConcurrentQueue<TimeSpan> _written = new();

    /// <summary>Writes until told to stop.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await using ZooKeeperClient client = cluster.Client();
            try
            {
                await WriteAsync(client, stop);
            }
            catch (Exception e) when (e is ZooKeeperException or OperationCanceledException)
            {
                // No service there, which is what this measures.
            }
        }
    }

    /// <summary>When no write was acknowledged for long.</summary>
    internal IReadOnlyList<(TimeSpan From, TimeSpan To)> Silences() =>
        [.. _written.Zip(_written.Skip(1)).Where(pair => pair.Second - pair.First > s_silence)];

    private async Task WriteAsync(ZooKeeperClient client, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(s_interval, clock, CancellationToken.None);
            using var patience = new CancellationTokenSource(s_patience, clock);
            await client.SetDataAsync("/", default, -1, patience.Token);
            _written.Enqueue(clock.GetElapsedTime(start));
        }
    }
}
