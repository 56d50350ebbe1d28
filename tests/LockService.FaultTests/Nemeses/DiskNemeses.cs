using System.Diagnostics;
using LockService.Testing;

namespace LockService.FaultTests.Nemeses;

/// <summary>Disks of ZooKeeper's servers are full or slow.</summary>
internal static class DiskNemeses
{
    /// <summary>Z19: one server cannot write.</summary>
    internal static INemesis FullOnOne { get; } = new Nemesis("disk full on one server", NemesisTarget.Servers, (cluster, random, hurry) =>
        FillAsync([Nemesis.OneOf(random, cluster.ZooKeeper.Servers)], Nemesis.Between(random, 1, 4), hurry));

    /// <summary>Z19: nothing can be acknowledged.</summary>
    internal static INemesis FullOnQuorum { get; } = new Nemesis("disk full on two servers", NemesisTarget.Servers, (cluster, random, hurry) =>
        FillAsync(Nemesis.Shuffled(random, cluster.ZooKeeper.Servers)[..2], Nemesis.Between(random, 1, 4), hurry)) { EndsService = true };

    /// <summary>Z20: every write of one server takes up to 2 s longer.</summary>
    internal static INemesis SlowOnOne { get; } = new Nemesis("slow fsync on one server", NemesisTarget.Servers, (cluster, random, hurry) =>
        SlowAsync([Nemesis.OneOf(random, cluster.ZooKeeper.Servers)], Nemesis.Between(random, 0.1, 2), Nemesis.Between(random, 3, 7), hurry));

    /// <summary>Z10, Z20: every write takes up to 2 s longer.</summary>
    internal static INemesis SlowOnAll { get; } = new Nemesis("slow fsync on all servers", NemesisTarget.Servers, (cluster, random, hurry) =>
        SlowAsync(cluster.ZooKeeper.Servers, Nemesis.Between(random, 0.1, 2), Nemesis.Between(random, 3, 7), hurry));

    /// <summary>
    /// No file of these servers may grow or be written to. Half a transaction is never written, since what is there is beyond the limit. They are
    /// killed before there is room again: a leader that goes on after it could not log what its followers had can leave a gap in its log.
    /// </summary>
    private static async Task FillAsync(IReadOnlyList<ZooKeeperServer> servers, TimeSpan time, CancellationToken hurry)
    {
        try
        {
            await Task.WhenAll(servers.Select(server => RunAsync("prlimit", $"--pid={server.ProcessId}", "--fsize=0:")));
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            await Task.WhenAll(servers.Select(async server =>
            {
                await server.StopAsync();
                await server.BringBackAsync();
            }));
        }
    }

    private static async Task SlowAsync(IReadOnlyList<ZooKeeperServer> servers, TimeSpan delay, TimeSpan time, CancellationToken hurry)
    {
        Process[] tracers = [.. servers.Where(server => server.IsRunning && !server.HasEnded).Select(server => Trace(server, delay))];
        try
        {
            await Nemesis.HoldAsync(time, hurry);
        }
        finally
        {
            foreach (Process tracer in tracers)
            {
                // The kernel lets go of what a killed tracer held.
                tracer.Kill();
                await tracer.WaitForExitAsync(CancellationToken.None);
                tracer.Dispose();
            }
        }
    }

    private static Process Trace(ZooKeeperServer server, TimeSpan delay) => Process.Start("strace",
    [
        "-f", "-qq", "-o", "/dev/null", "-p", $"{server.ProcessId}",
        "-e", "trace=fsync,fdatasync", "-e", $"inject=fsync,fdatasync:delay_enter={(long)delay.TotalMicroseconds}",
    ]);

    private static async Task RunAsync(string tool, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardError = true })!;
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)}: {errors}");
        }
    }
}
