using System.Globalization;

namespace LockService.FaultTests.Nemeses;

/// <summary>
/// Another wall clock for a process that is started with these variables, by libfaketime. Clocks that measure how much time has
/// passed are left alone, as when somebody sets a machine's time.
/// </summary>
internal static class WallClock
{
    /// <summary>The variables for a process whose time of day is off by so much.</summary>
    /// <exception cref="FileNotFoundException">The library is not installed.</exception>
    internal static IReadOnlyList<string> OffBy(TimeSpan offset) =>
    [
        $"LD_PRELOAD={Library()}",
        $"FAKETIME={offset.TotalSeconds.ToString("+0;-0", CultureInfo.InvariantCulture)}",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
        // It would take a JVM's waits by the monotonic clock for waits by the other one: they end at once, or an hour late.
        "FAKETIME_FORCE_MONOTONIC_FIX=0",
    ];

    /// <summary>Removes what the library has left of a process that was killed.</summary>
    internal static void CleanUp(int processId)
    {
        foreach (string name in (string[])[$"faketime_shm_{processId}", $"sem.faketime_sem_{processId}"])
        {
            File.Delete(Path.Combine("/dev/shm", name));
        }
    }

    private static string Library() =>
        Directory.EnumerateDirectories("/usr/lib", "faketime", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 })
            .Select(directory => Path.Combine(directory, "libfaketimeMT.so.1"))
            .FirstOrDefault(File.Exists)
        ?? throw new FileNotFoundException("libfaketimeMT.so.1 is missing: install Debian's package libfaketime.");
}
