using System.Diagnostics;
using System.Globalization;

namespace LockService.Benchmarks.Load;

/// <summary>What the kernel knows of other processes.</summary>
internal static class ProcessFigures
{
    /// <summary>The kernel reports times in hundredths of a second, whatever its own clock does.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>User and system time of the processes so far.</summary>
    internal static TimeSpan CpuTime(IEnumerable<int> processes) => TimeSpan.FromSeconds(processes.Sum(CpuTicks) / TicksPerSecond);

    /// <summary>Resident memory in MiB.</summary>
    internal static double MemoryMiB(int process)
    {
        string line = File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }

    /// <summary>What a Java process's heap holds in MiB, after a collection of everything that nobody needs.</summary>
    internal static double LiveJavaHeapMiB(int process)
    {
        var start = new ProcessStartInfo("jcmd", [process.ToString(CultureInfo.InvariantCulture), "GC.class_histogram"]) { RedirectStandardOutput = true };
        using Process histogram = Process.Start(start)!;
        string text = histogram.StandardOutput.ReadToEnd();
        histogram.WaitForExit();
        string total = text.Split('\n').FirstOrDefault(line => line.StartsWith("Total", StringComparison.Ordinal))
            ?? throw new InvalidOperationException($"jcmd counted nothing: {text}");
        return double.Parse(total.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture) / (1024 * 1024);
    }

    private static long CpuTicks(int process)
    {
        // Field 2, the name, is in parentheses and may contain blanks; utime and stime are fields 14 and 15.
        string stat = File.ReadAllText($"/proc/{process}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }
}
