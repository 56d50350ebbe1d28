using System.Globalization;
using LockService.FaultTests.Clusters;

namespace LockService.FaultTests.Reports;

/// <summary>What a process of the service takes, as Linux tells it.</summary>
/// <param name="ResidentKiB">Memory in KiB.</param>
/// <param name="Handles">Open file descriptors, sockets among them.</param>
/// <param name="Threads">Its threads.</param>
internal readonly record struct Footprint(long ResidentKiB, int Handles, int Threads)
{
    internal static Footprint Of(Instance instance)
    {
        string process = string.Create(CultureInfo.InvariantCulture, $"/proc/{instance.Process!.ProcessId}");
        string[] status = File.ReadAllLines($"{process}/status");
        return new Footprint(Number(status, "VmRSS:"), Directory.GetFiles($"{process}/fd").Length, (int)Number(status, "Threads:"));
    }

    public override string ToString() => $"{ResidentKiB / 1024} MiB, {Handles} handles, {Threads} threads";

    private static long Number(string[] status, string name) =>
        long.Parse(status.First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
}
