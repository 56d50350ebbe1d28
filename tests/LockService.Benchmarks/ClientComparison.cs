using System.Globalization;
using LockService.Testing;

namespace LockService.Benchmarks;

/// <summary>The managed client beside the Java client: one session each, 256 requests in flight, by turns on one server.</summary>
internal static class ClientComparison
{
    private const int Rounds = 5;

    private static readonly (string Operation, int Count)[] s_work =
        [("setData", 12_000), ("getData", 30_000), ("exists", 30_000), ("createDelete", 5_000), ("multi", 500)];

    /// <summary>With the optimizing compiler, as in production: the server shares the processors with the client that is measured.</summary>
    private static readonly ZooKeeperServerOptions s_server = new() { JvmArguments = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC"] };

    /// <param name="operations">Those to measure; all if there are none.</param>
    internal static async Task<int> RunAsync(string[] operations)
    {
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync(s_server);
        using LoadProcess java = await JavaProgram.StartAsync("ClientLoad", server.ConnectString);
        using LoadProcess dotnet = await LoadProcess.StartAsync(Environment.ProcessPath!, "client-load", server.ConnectString);
        Console.WriteLine("| operation | requests/s | Java client | ratio | CPU µs/request | Java client | ratio | allocated bytes/request |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach ((string operation, int count) in s_work.Where(work => operations.Length == 0 || operations.Contains(work.Operation)))
        {
            await CompareAsync(operation, count, dotnet, java);
        }

        return 0;
    }

    private static async Task CompareAsync(string operation, int count, LoadProcess dotnet, LoadProcess java)
    {
        var ours = new List<Measurement>();
        var theirs = new List<Measurement>();

        // The first round warms both up and is not counted.
        for (int round = 0; round <= Rounds; round++)
        {
            Measurement our = await dotnet.MeasureAsync(operation, count);
            Measurement their = await java.MeasureAsync(operation, count);
            if (round > 0)
            {
                ours.Add(our);
                theirs.Add(their);
            }
        }

        (Measurement o, Measurement t) = (Measurement.Median(ours), Measurement.Median(theirs));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {operation} | {o.PerSecond:N0} | {t.PerSecond:N0} | {o.PerSecond / t.PerSecond:F2} | {o.CpuMicroseconds:F1} | {t.CpuMicroseconds:F1} | {o.CpuMicroseconds / t.CpuMicroseconds:F2} | {o.AllocatedBytes:N0} |"));
    }
}
