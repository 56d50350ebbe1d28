using System.Globalization;
using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Reports;

/// <summary>What the project has set itself to reach while things break, beside what a run saw. Only a violation fails a run; these are to be read.</summary>
internal static class Goals
{
    /// <summary>A table's lines.</summary>
    internal static IEnumerable<string> Lines(FaultReport report)
    {
        CheckReport? leases = report.Reports.FirstOrDefault(one => one.Checker == "leases");
        double[] leader = Silences(report, ServerNemeses.KillLeader.Kind);
        double[] follower = Silences(report, ServerNemeses.KillFollower.Kind);
        double[] again = Sorted(report.Recoveries.Where(r => r.Fault.Alone).Select(r => r.UntilAllWrite));
        int open = report.Unknown.Values.Sum(settled => settled.Values.Sum());

        yield return "Measure | goal | seen";
        yield return "--- | --- | ---";
        yield return $"broken promises | 0 | {report.Violations.Count}";
        yield return Text($"lease undershoot, max | 0 | {Figure("undershoot max ms"):0} ms");
        yield return Text($"lease overshoot, calm, of {Figure("overshoots"):0} | p99 250 ms, max 1 s | {Figure("overshoot p99 ms"):0} ms, {Figure("overshoot max ms"):0} ms");
        yield return Text(
            $"lease overshoot, a fault before or meanwhile, of {Figure("faulty overshoots"):0} | until a lease and 1 s after the fault | p99 {Figure("faulty overshoot p99 ms"):0} ms, max {Figure("faulty overshoot max ms"):0} ms, each within the goal unless it is a violation");
        yield return Text($"leader killed to first write, {leader.Length} times | p50 1.5 s, p99 5 s | {Percentile(leader, 0.5):0} ms, {Percentile(leader, 0.99):0} ms");
        yield return Text($"follower killed to first write, {follower.Length} times | p99 1 s | {Percentile(follower, 0.99):0} ms");
        yield return Text($"all instances write after any fault alone, {again.Length} times | 10 s | p50 {Percentile(again, 0.5):0} ms, p99 {Percentile(again, 0.99):0} ms");
        yield return $"increments with a key that counted twice or not at all | 0 | {Violations("counters")}";
        yield return $"waiters overtaken | 0 | {Violations("fifo")}";
        yield return Text($"unknown outcomes for each fault | 1 for each connection | {open / (double)Math.Max(1, report.Recoveries.Count):0.0}, clients that hung up and refused repetitions among them");

        double Figure(string name) => leases?.Figures.GetValueOrDefault(name) ?? double.NaN;
        int Violations(string checker) => report.Reports.Where(one => one.Checker == checker).Sum(one => one.Violations.Count);
    }

    /// <summary>Of a kind of fault, of those that struck alone.</summary>
    private static double[] Silences(FaultReport report, string kind) =>
        Sorted(report.Recoveries.Where(r => r.Fault.Alone && r.Fault.Kind == kind).Select(r => r.Silence));

    /// <summary>In milliseconds; a fault after which nobody wrote any more counts as endless.</summary>
    internal static double[] Sorted(IEnumerable<TimeSpan?> times) => [.. times.Select(time => time?.TotalMilliseconds ?? double.PositiveInfinity).Order()];

    internal static double Percentile(double[] sorted, double share) => sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];

    internal static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
