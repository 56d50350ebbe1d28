using System.Diagnostics;
using System.Globalization;

namespace LockService.Benchmarks;

/// <summary>One figure of one round.</summary>
/// <param name="PerSecond">Requests per second.</param>
/// <param name="CpuMicroseconds">CPU time of the load's process per request.</param>
/// <param name="AllocatedBytes">Bytes allocated per request; 0 where it is not known.</param>
internal readonly record struct Measurement(double PerSecond, double CpuMicroseconds, double AllocatedBytes)
{
    /// <summary>The median of each figure.</summary>
    internal static Measurement Median(IReadOnlyCollection<Measurement> rounds) => new(
        Middle(rounds.Select(r => r.PerSecond)), Middle(rounds.Select(r => r.CpuMicroseconds)), Middle(rounds.Select(r => r.AllocatedBytes)));

    private static double Middle(IEnumerable<double> values)
    {
        double[] ordered = [.. values.Order()];
        return ordered[ordered.Length / 2];
    }
}

/// <summary>A process that does the work it is told line by line, answers each with its figures, and ends when its input does.</summary>
internal sealed class LoadProcess : IDisposable
{
    private readonly Process _process;

    private LoadProcess(Process process) => _process = process;

    internal int Id => _process.Id;

    internal static Task<LoadProcess> StartAsync(string command, params string[] arguments) => StartAsync(new ProcessStartInfo(command, arguments));

    internal static async Task<LoadProcess> StartAsync(ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        var load = new LoadProcess(Process.Start(start)!);
        string? first = await load._process.StandardOutput.ReadLineAsync();
        return first == "ready" ? load : throw new InvalidOperationException($"{start.FileName} did not start: {first}");
    }

    internal async Task<Measurement> MeasureAsync(string operation, int count)
    {
        double[] figures = await AskAsync(string.Create(CultureInfo.InvariantCulture, $"{operation} {count}"));
        return new Measurement(figures[0], figures[1], figures[2]);
    }

    /// <summary>Has it do what the line says.</summary>
    internal async Task<double[]> AskAsync(string order)
    {
        await _process.StandardInput.WriteLineAsync(order);
        await _process.StandardInput.FlushAsync();
        string line = await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The load of {order} failed.");
        return [.. line.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
