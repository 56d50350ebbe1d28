using System.Globalization;
using LockService.Benchmarks.Conversations;
using LockService.Benchmarks.Load;
using LockService.Testing;

namespace LockService.Benchmarks.Rows;

/// <summary>What held locks and idle waiters take in the service. Not a comparison, and therefore not a <see cref="Row"/>.</summary>
internal static class MemoryRow
{
    internal const string Key = "memory";
    private const int Held = 10_000;
    private const int Waiters = 10_000;
    private const int Connections = 50;
    private const double TargetMiB = 500;

    /// <summary>Measures on services of its own and adds a line to the report.</summary>
    internal static async Task MeasureAsync(Report report)
    {
        await using Site site = await Site.StartAsync(instances: 1);
        ServiceProcess service = (await site.ServicesAsync())[0];
        await site.MakeReadyAsync(Names(Held).Chunk(Held / Connections).Select(names => new Holdings(names)));
        double held = ProcessFigures.MemoryMiB(service.ProcessId);

        using var waiting = new Crowd(service.Address, Names(Waiters));
        int inLine = await waiting.SettleAsync(() => WaitersAsync(site.ZooKeeper));
        double both = ProcessFigures.MemoryMiB(service.ProcessId);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Key}\n  {held:F0} MiB with {Held} held, {both:F0} MiB with {inLine} waiters too; {waiting.Refused} refused, the first: {waiting.FirstRefusal ?? "none"}"));
        string refused = waiting.Refused > 0 ? string.Create(CultureInfo.InvariantCulture, $" ({waiting.Refused:N0} more were refused)") : "";
        report.Add(string.Create(
            CultureInfo.InvariantCulture,
            $"| memory of the service with {Held:N0} held locks and {Waiters:N0} idle waiters | {both:F0} MiB with {inLine:N0} waiters{refused} | held locks alone | {held:F0} MiB | {both / held:0.##}x | ≤ {TargetMiB} MiB |"));
    }

    private static string[] Names(int count) => [.. Enumerable.Range(0, count).Select(i => string.Create(CultureInfo.InvariantCulture, $"memory-{i}"))];

    /// <summary>Waiters are the only ephemeral nodes, but for one that each instance has of its own.</summary>
    private static async Task<int> WaitersAsync(ZooKeeperServer zooKeeper)
    {
        const string figure = "zk_ephemerals_count\t";
        string line = (await zooKeeper.AskAsync("mntr")).Split('\n').First(line => line.StartsWith(figure, StringComparison.Ordinal));
        return int.Parse(line[figure.Length..], CultureInfo.InvariantCulture) - 1;
    }
}
