using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using LockService.FaultTests.Clusters;
using LockService.FaultTests.Nemeses;

namespace LockService.FaultTests.Reports;

/// <summary>Writes through each instance all the time, to know when there is service again after a fault.</summary>
internal sealed class Pulse(FaultCluster cluster, TimeProvider clock, long start)
{
    /// <summary>So many writes may wait for their answers at each instance, so that one that is never answered does not hide the next.</summary>
    private const int AtOnce = 4;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>A write is tried every 20 ms and takes some milliseconds.</summary>
    private static readonly TimeSpan s_stall = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan s_longestRecovery = TimeSpan.FromSeconds(20);
    private readonly long[] _last = new long[cluster.Instances.Count];
    private readonly ConcurrentQueue<TimeSpan>[] _written = [.. cluster.Instances.Select(_ => new ConcurrentQueue<TimeSpan>())];

    /// <summary>Writes that were acknowledged.</summary>
    internal long Written => _written.Sum(times => (long)times.Count);

    /// <summary>Writes until told to stop.</summary>
    internal Task RunAsync(CancellationToken stop) =>
        Task.WhenAll(cluster.Instances.SelectMany(instance => Enumerable.Range(0, AtOnce).Select(_ => WriteAsync(instance, stop))));

    /// <summary>Waits until each instance has acknowledged a write after a moment, but not for ever: that it took longer is for the report.</summary>
    internal async Task AllWriteAsync(TimeSpan since)
    {
        while (clock.GetElapsedTime(start) - since < s_longestRecovery && _last.Any(ticks => ticks < since.Ticks))
        {
            await Task.Delay(s_interval, clock);
        }
    }

    /// <summary>See <see cref="FaultTimeline.Stalls"/>.</summary>
    internal IReadOnlyList<(TimeSpan From, TimeSpan To)> Stalls() =>
    [
        .. _written.Select(times => times.Order().ToArray())
            .SelectMany(times => times.Zip(times.Skip(1)))
            .Where(pair => pair.Second - pair.First > s_stall),
    ];

    /// <summary>What each fault did to those who write.</summary>
    internal IReadOnlyList<Recovery> After(IEnumerable<Fault> faults)
    {
        TimeSpan[][] each = [.. _written.Select(times => times.Order().ToArray())];
        TimeSpan[] all = [.. each.SelectMany(times => times).Order()];
        return [.. faults.Select(fault => new Recovery(fault, Silence(all, fault), UntilAllWrite(each, fault)))];
    }

    private static TimeSpan? Silence(TimeSpan[] written, Fault fault)
    {
        TimeSpan last = fault.EndedService ? fault.Ended : fault.Began;
        TimeSpan longest = TimeSpan.Zero;
        for (int i = FirstAfter(written, last); last <= fault.Ended; i++)
        {
            if (i == written.Length)
            {
                return null;
            }

            longest = written[i] - last > longest ? written[i] - last : longest;
            last = written[i];
        }

        return longest;
    }

    private static TimeSpan? UntilAllWrite(TimeSpan[][] each, Fault fault)
    {
        TimeSpan[] firsts = [.. each.Select(times => (times, at: FirstAfter(times, fault.Ended))).Where(f => f.at < f.times.Length).Select(f => f.times[f.at])];
        return firsts.Length == each.Length ? firsts.Max() - fault.Ended : null;
    }

    private static int FirstAfter(TimeSpan[] sorted, TimeSpan moment)
    {
        int found = Array.BinarySearch(sorted, moment);
        return found < 0 ? ~found : found + 1;
    }

    private async Task WriteAsync(Instance instance, CancellationToken stop)
    {
        var path = new Uri($"/v1/counters/pulse-{instance.Number}/increment", UriKind.Relative);
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(s_interval * AtOnce, clock, CancellationToken.None);
            using var patience = new CancellationTokenSource(s_patience, clock);
            try
            {
                using HttpResponseMessage response = await instance.Http.PostAsync(path, null, patience.Token);
                if (response.StatusCode == HttpStatusCode.OK)
                {
                    TimeSpan now = clock.GetElapsedTime(start);
                    _written[instance.Number].Enqueue(now);
                    Volatile.Write(ref _last[instance.Number], now.Ticks);
                }
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or OperationCanceledException)
            {
                // No service there, which is what this measures.
            }
        }
    }
}

/// <summary>What a fault did to those who write.</summary>
/// <param name="Fault">Which.</param>
/// <param name="Silence">
/// How long nobody could write: the longest time without an acknowledged write that began while it lasted, or, if it ended all service, the time
/// from its end to the first one. Null: nobody wrote any more.
/// </param>
/// <param name="UntilAllWrite">How long after its end each instance had acknowledged a write; null: one never did.</param>
internal sealed record Recovery(Fault Fault, TimeSpan? Silence, TimeSpan? UntilAllWrite);
