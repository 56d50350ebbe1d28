using System.Globalization;
using LockService.FaultTests.Clusters;
using LockService.FaultTests.Nemeses;
using LockService.FaultTests.Reports;
using LockService.FaultTests.Workloads;
using LockService.Testing;

namespace LockService.FaultTests;

/// <summary>
/// A run of the suite: a new cluster, clients of all kinds, faults for a while, then none, and the questions whether all is well again and whether
/// the clients were ever told something that was not so.
/// </summary>
internal sealed class FaultRun(FaultRunOptions options)
{
    /// <summary>Clients who were cut off may repeat for two minutes until they know.</summary>
    private static readonly TimeSpan s_clientsEnd = TimeSpan.FromMinutes(4);

    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly long _start = TimeProvider.System.GetTimestamp();

    /// <summary>Runs.</summary>
    /// <exception cref="Exception">The suite itself failed; what the service does wrong is in the report.</exception>
    internal async Task<FaultReport> RunAsync()
    {
        await using FaultCluster cluster = await FaultCluster.StartAsync(options.Assembly);
        IReadOnlyList<IWorkload> workloads = options.Workloads(cluster, options.Seed, _start);
        var pulse = new Pulse(cluster, _clock, _start);
        var store = new StorePulse(cluster, _clock, _start);
        var scheduler = new FaultScheduler(cluster, options.Nemeses, pulse.AllWriteAsync, options.Seed, _clock, _start);
        using var clientsStop = new CancellationTokenSource();
        using var pulseStops = new CancellationTokenSource();
        Task clients = Task.WhenAll(workloads.Select(workload => workload.RunAsync(clientsStop.Token)));
        Task beating = Task.WhenAll(pulse.RunAsync(pulseStops.Token), store.RunAsync(pulseStops.Token));
        await Task.Delay(options.WarmUp, _clock);
        scheduler.Timeline.WarmedUp = _clock.GetElapsedTime(_start);
        await Task.Delay(options.Calm, _clock);
        Footprint[] before = [.. cluster.Instances.Select(Footprint.Of)];

        TimeSpan faultsBegan = _clock.GetElapsedTime(_start);
        using var faultsStop = new CancellationTokenSource(options.Duration, _clock);
        await Eventually.CompletesAsync("the faults end", scheduler.RunAsync(faultsStop.Token), options.Duration + TimeSpan.FromMinutes(5));
        TimeSpan faultsEnded = _clock.GetElapsedTime(_start);
        var convergence = new Convergence(cluster, _clock);
        try
        {
            await convergence.HealAsync();
        }
        catch (TimeoutException)
        {
            await KeepAsync(cluster, scheduler.Timeline);
            throw;
        }

        await convergence.ServeAgainAsync();
        await clientsStop.CancelAsync();
        await Eventually.CompletesAsync("all clients end", clients, s_clientsEnd);
        await convergence.SettleAsync(workloads);
        await pulseStops.CancelAsync();
        await beating;
        scheduler.Timeline.Stalls = pulse.Stalls();
        scheduler.Timeline.Silences = store.Silences();
        await convergence.LeaveNothingAsync(before);

        var report = new FaultReport
        {
            Seed = options.Seed,
            ZooKeeper = await cluster.ZooKeeper.Servers[0].VersionAsync(),
            Faulty = faultsEnded - faultsBegan,
            Silences = [.. scheduler.Timeline.SilencesByThemselves],
            Operations = workloads.ToDictionary(workload => workload.Name, workload => workload.Operations),
            Pulses = pulse.Written,
            Unknown = workloads.ToDictionary(workload => workload.Name, workload => workload.Unknown),
            Recoveries = pulse.After(scheduler.Timeline.Faults),
            Reports = [.. workloads.SelectMany(workload => workload.Check(scheduler.Timeline)), convergence.Report()],
        };
        if (report.Violations.Count > 0)
        {
            await KeepAsync(cluster, scheduler.Timeline);
        }

        return report;
    }

    /// <summary>What is needed to find out what happened and is gone with the cluster: when faults struck, and what the servers and instances told.</summary>
    private static async Task KeepAsync(FaultCluster cluster, FaultTimeline timeline)
    {
        string directory = Repository.File("artifacts/test-results/evidence");
        Directory.CreateDirectory(directory);
        await File.WriteAllLinesAsync(Path.Combine(directory, "faults.txt"), timeline.Faults.Select(fault =>
            string.Create(CultureInfo.InvariantCulture, $"{fault.Began.TotalSeconds:F3} to {fault.Ended.TotalSeconds:F3} s: {fault.Kind}{(fault.Alone ? ", alone" : "")}")));
        await File.WriteAllLinesAsync(Path.Combine(directory, "stalls.txt"), timeline.Stalls.Select(stall =>
            string.Create(CultureInfo.InvariantCulture, $"{stall.From.TotalSeconds:F3} to {stall.To.TotalSeconds:F3} s: an instance acknowledged no write")));
        await File.WriteAllLinesAsync(Path.Combine(directory, "silences.txt"), timeline.Silences.Select(silence =>
            string.Create(CultureInfo.InvariantCulture, $"{silence.From.TotalSeconds:F3} to {silence.To.TotalSeconds:F3} s: ZooKeeper acknowledged no write")));
        foreach (ZooKeeperServer server in cluster.ZooKeeper.Servers)
        {
            await File.WriteAllLinesAsync(Path.Combine(directory, $"zookeeper-{server.Port}.log"), server.Log);
            foreach (string file in server.TransactionLogs())
            {
                File.Copy(file, Path.Combine(directory, $"zookeeper-{server.Port}-{Path.GetFileName(file)}"), overwrite: true);
            }
        }

        foreach (Instance instance in cluster.Instances)
        {
            await File.WriteAllTextAsync(Path.Combine(directory, $"instance-{instance.Number}.log"), instance.Process?.LogTail() ?? "");
        }
    }
}
