namespace LockService.Testing.Histories;

/// <summary>
/// Leases: none ends before its holder's own deadline, which shows when somebody else has the lock or the holder is told that the lease is lost;
/// none can be used any more once somebody else has the lock; and whoever waits gets the lock soon after the lease before him has run out.
/// </summary>
public static class LeaseChecker
{
    private const int LeaseLost = 410;

    /// <summary>
    /// Whoever asks stands in the queue, and whoever hangs up has left it, within this, unless something is broken: what the service promises of waiters
    /// whose callers have left.
    /// </summary>
    private static readonly TimeSpan s_queueing = TimeSpan.FromSeconds(1);

    /// <summary>Checks the leases of all locks.</summary>
    /// <param name="history">What happened.</param>
    /// <param name="mostOvershoot">How late a lease may end at most.</param>
    public static CheckReport Check(LockHistory history, TimeSpan mostOvershoot) => Check(history, _ => new OvershootLimit(mostOvershoot, AllowsForFaults: false));

    /// <summary>Checks the leases of all locks, some of which may end later than others.</summary>
    /// <param name="history">What happened.</param>
    /// <param name="limit">How late a lease may end at most. Those that allow for faults are measured apart from the others.</param>
    public static CheckReport Check(LockHistory history, Func<RunOutLease, OvershootLimit> limit)
    {
        ArgumentNullException.ThrowIfNull(limit);
        var violations = new List<string>();
        var calm = new List<double>();
        var faulty = new List<double>();
        var behindOthers = new List<double>();
        ILookup<string, LockOperation> gaveUp = history.Operations
            .Where(operation => operation.Call == LockCall.Acquire && operation.Outcome != CallOutcome.Done && operation.Wait > TimeSpan.Zero)
            .ToLookup(operation => operation.Lock);
        double undershoot = 0;
        int ranOut = 0;
        foreach (Tenure[] tenures in Tenure.ByLock(history))
        {
            ranOut += tenures.Count(tenure => tenure.Released is null);
            violations.AddRange(tenures.SelectMany(EndedForItsHolder));
            violations.AddRange(UsedAfterwards(tenures));
            foreach ((Tenure before, Tenure next) in Neighbours(tenures, tenure => tenure.CertainUntil))
            {
                TimeSpan early = before.CertainUntil - next.Grant.Completed;
                if (early > TimeSpan.Zero)
                {
                    undershoot = Math.Max(undershoot, early.TotalMilliseconds);
                    violations.Add($"A lease ended {early.TotalMilliseconds:F1} ms too early: {before.Grant}, lasting until {before.CertainUntil.TotalMilliseconds:F1} ms, then {next.Grant}.");
                }
            }

            foreach ((Tenure before, Tenure next) in RanOutBefore(tenures))
            {
                TimeSpan end = before.LatestEnd!.Value;
                TimeSpan othersLeft = LastToLeave(gaveUp[next.Grant.Lock], next.Grant);
                TimeSpan since = next.Grant.Completed - (othersLeft > end ? othersLeft : end);
                TimeSpan late = since > TimeSpan.Zero ? since : TimeSpan.Zero;
                OvershootLimit most = limit(new RunOutLease(end, next.Grant.Completed, before.Grant.Ttl));
                (othersLeft > end ? behindOthers : most.AllowsForFaults ? faulty : calm).Add(late.TotalMilliseconds);
                if (late > most.Most)
                {
                    violations.Add($"A lease ended {late.TotalMilliseconds:F1} ms too late, allowed are {most.Most.TotalMilliseconds:F1} ms: {before.Grant}, then {next.Grant}.");
                }
            }
        }

        var figures = new Dictionary<string, double> { ["ran out"] = ranOut, ["undershoot max ms"] = undershoot };
        Measure("overshoot", calm, figures);
        if (faulty.Count > 0)
        {
            Measure("faulty overshoot", faulty, figures);
        }

        figures["perhaps behind others who left"] = behindOthers.Count;

        return new CheckReport("leases", violations, figures);
    }

    private static void Measure(string name, List<double> milliseconds, Dictionary<string, double> figures)
    {
        milliseconds.Sort();
        figures[$"{name}s"] = milliseconds.Count;
        figures[$"{name} p50 ms"] = CheckReport.Percentile(milliseconds, 0.5);
        figures[$"{name} p99 ms"] = CheckReport.Percentile(milliseconds, 0.99);
        figures[$"{name} max ms"] = milliseconds.LastOrDefault();
    }

    /// <summary>The holder was told that its lease is lost, before its deadline and although it had not released it.</summary>
    private static IEnumerable<string> EndedForItsHolder(Tenure tenure) =>
        from refused in tenure.Later
        where refused.Status == LeaseLost && !tenure.MayBeReleasedBefore(refused)
        let deadline = tenure.DeadlineWithout(refused)
        where refused.Completed < deadline
        select $"A lease was lost before its deadline, {deadline.TotalMilliseconds:F1} ms: {tenure.Grant}, then {refused}.";

    /// <summary>Something was still done to a lease after somebody who conflicts with it was told that he has the lock.</summary>
    private static IEnumerable<string> UsedAfterwards(Tenure[] tenures)
    {
        // From the last grant back to the first: the earliest answer to any later grant, and to any later exclusive one.
        Tenure? earliest = null;
        Tenure? earliestExclusive = null;
        foreach (Tenure tenure in tenures.Reverse())
        {
            Tenure? successor = tenure.Grant.Shared ? earliestExclusive : earliest;
            foreach (LockOperation done in tenure.Later.Where(o => o.Outcome == CallOutcome.Done && o.Invoked > successor?.Grant.Completed))
            {
                yield return $"A lease was used after somebody else had the lock: {done} of {tenure.Grant}, after {successor!.Grant}.";
            }

            earliest = earliest is null || tenure.Grant.Completed < earliest.Grant.Completed ? tenure : earliest;
            earliestExclusive = !tenure.Grant.Shared && (earliestExclusive is null || tenure.Grant.Completed < earliestExclusive.Grant.Completed)
                ? tenure : earliestExclusive;
        }
    }

    /// <summary>Leases that ran out, each with the grant of somebody who waited already.</summary>
    private static IEnumerable<(Tenure Before, Tenure Next)> RanOutBefore(Tenure[] tenures) =>
        Neighbours(tenures, tenure => tenure.LatestEnd ?? TimeSpan.MaxValue)
            .Where(pair => pair.Before.Released is null && pair.Before.LatestEnd is { } end && pair.Next.Grant.Invoked < end);

    /// <summary>
    /// When the last one had left of those who gave up, but may have stood between the holder and this grant until then: from that moment on, and
    /// not from the end of the lease, it was its turn.
    /// </summary>
    private static TimeSpan LastToLeave(IEnumerable<LockOperation> gaveUp, LockOperation grant) => gaveUp
        .Where(other => !other.Shared || !grant.Shared)
        .Where(other => other.Invoked < grant.Invoked + s_queueing)
        .Where(other => other.Completed <= grant.Completed || other.Invoked + other.Wait <= grant.Completed)
        .Select(other => other.Outcome == CallOutcome.Unknown ? other.Completed + s_queueing : other.Completed)
        .DefaultIfEmpty(TimeSpan.MinValue)
        .Max();

    /// <summary>Each grant with that one of its predecessors, among those that conflict with it, which ends last.</summary>
    private static IEnumerable<(Tenure Before, Tenure Next)> Neighbours(Tenure[] tenures, Func<Tenure, TimeSpan> end)
    {
        Tenure? last = null;
        Tenure? lastExclusive = null;
        foreach (Tenure tenure in tenures)
        {
            if ((tenure.Grant.Shared ? lastExclusive : last) is { } before)
            {
                yield return (before, tenure);
            }

            last = last is null || end(tenure) > end(last) ? tenure : last;
            lastExclusive = !tenure.Grant.Shared && (lastExclusive is null || end(tenure) > end(lastExclusive)) ? tenure : lastExclusive;
        }
    }
}

/// <summary>A lease that ran out while somebody waited. Times are those of <see cref="LockHistory.Now"/>.</summary>
/// <param name="End">When it ended at the latest, by its own terms.</param>
/// <param name="Granted">When the next one had the lock.</param>
/// <param name="Ttl">How long it was to last.</param>
public sealed record RunOutLease(TimeSpan End, TimeSpan Granted, TimeSpan Ttl);

/// <summary>How late a lease may end.</summary>
/// <param name="Most">From its end by its own terms to the next grant.</param>
/// <param name="AllowsForFaults">Whether it is that long because of something that was broken then.</param>
public sealed record OvershootLimit(TimeSpan Most, bool AllowsForFaults);
