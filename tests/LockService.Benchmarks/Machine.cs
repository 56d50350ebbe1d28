using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace LockService.Benchmarks;

/// <summary>Where figures come from.</summary>
internal static class Machine
{
    private static readonly string[] s_packages = ["libzookeeper-java", "etcd-server", "libcurator-recipes-java", "python3-kazoo"];

    /// <summary>Cores, memory and versions in a sentence.</summary>
    internal static string Describe()
    {
        double gibibytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024);
        string packages = string.Join(", ", s_packages.Select(VersionOf).Prepend(RuntimeInformation.FrameworkDescription));
        return string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores, {gibibytes:F0} GiB; {packages}.");
    }

    /// <summary>A Debian package and its version.</summary>
    private static string VersionOf(string package)
    {
        var start = new ProcessStartInfo("dpkg-query", ["-W", "-f", "${Package} ${Version}", package]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process query = Process.Start(start)!;
        string version = query.StandardOutput.ReadToEnd();
        query.WaitForExit();
        return query.ExitCode == 0 ? version : $"{package} (not a package)";
    }
}
