using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Reports;

/// <summary>What a run found.</summary>
internal sealed record FaultReport
{
    internal required int Seed { get; init; }

    /// <summary>The version of ZooKeeper that was broken.</summary>
    internal required string ZooKeeper { get; init; }

    /// <summary>How long faults struck.</summary>
    internal required TimeSpan Faulty { get; init; }

    /// <summary>Operations by workload.</summary>
    internal required IReadOnlyDictionary<string, long> Operations { get; init; }

    /// <summary>Writes of the pulse that were acknowledged; they are not among the operations.</summary>
    internal required long Pulses { get; init; }

    /// <summary>How long ZooKeeper was silent, each time that nothing was broken: what the machine did by itself.</summary>
    internal required IReadOnlyList<TimeSpan> Silences { get; init; }

    /// <summary>Operations whose outcome was open at some time, by workload and by how it was settled.</summary>
    internal required IReadOnlyDictionary<string, IReadOnlyDictionary<string, int>> Unknown { get; init; }

    /// <summary>The faults, and what they did to those who write.</summary>
    internal required IReadOnlyList<Recovery> Recoveries { get; init; }

    /// <summary>What the checkers found.</summary>
    internal required IReadOnlyList<CheckReport> Reports { get; init; }

    /// <summary>All broken promises.</summary>
    internal IReadOnlyList<string> Violations => [.. Reports.SelectMany(report => report.Violations.Select(violation => $"{report.Checker}: {violation}"))];

    /// <inheritdoc/>
    public override string ToString() => string.Join('\n', Lines());

    private IEnumerable<string> Lines()
    {
        yield return Goals.Text($"Seed {Seed}: {Operations.Values.Sum()} operations and {Recoveries.Count} faults in {Faulty.TotalSeconds:0} s on ZooKeeper {ZooKeeper}, {Violations.Count} violations.");
        yield return Goals.Text($"Operations: {string.Join(", ", Operations.Select(o => $"{o.Key} {o.Value}"))}; besides {Pulses} writes that measure the service.");
        yield return Goals.Text($"ZooKeeper was silent though nothing was broken: {Silences.Count} times, {Silences.Sum(s => s.TotalMilliseconds):0} ms in all, {Silences.Select(s => s.TotalMilliseconds).DefaultIfEmpty().Max():0} ms at most.");
        foreach ((string workload, IReadOnlyDictionary<string, int> settled) in Unknown)
        {
            yield return Goals.Text($"Unknown outcomes of {workload}: {(settled.Count == 0 ? "none" : string.Join(", ", settled.Select(s => $"{s.Key} {s.Value}")))}.");
        }

        foreach (CheckReport report in Reports)
        {
            yield return report.ToString();
        }

        yield return "";
        yield return "Fault | times | alone | no write by anybody, p50 ms | p99 ms | all instances write again after, p50 ms | p99 ms";
        yield return "--- | --: | --: | --: | --: | --: | --:";
        foreach (IGrouping<(NemesisTarget Target, string Kind), Recovery> same in Recoveries.GroupBy(r => (r.Fault.Target, r.Fault.Kind)).OrderBy(g => g.Key))
        {
            yield return Row(same.Key.Kind, [.. same]);
        }

        yield return Row("all", Recoveries);
        yield return "Times are of the faults that struck alone, if there were any, otherwise of all.";
        yield return "";
        foreach (string line in Goals.Lines(this))
        {
            yield return line;
        }
    }

    private static string Row(string kind, IReadOnlyList<Recovery> recoveries)
    {
        Recovery[] alone = [.. recoveries.Where(recovery => recovery.Fault.Alone)];
        IReadOnlyList<Recovery> counted = alone.Length > 0 ? alone : recoveries;
        double[] silences = Goals.Sorted(counted.Select(recovery => recovery.Silence));
        double[] all = Goals.Sorted(counted.Select(recovery => recovery.UntilAllWrite));
        return Goals.Text(
            $"{kind} | {recoveries.Count} | {alone.Length} | {Goals.Percentile(silences, 0.5):0} | {Goals.Percentile(silences, 0.99):0} | {Goals.Percentile(all, 0.5):0} | {Goals.Percentile(all, 0.99):0}");
    }
}
