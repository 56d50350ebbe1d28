using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>
/// How late a lease may end: by a second while instances and a quorum run, that is, acknowledge writes without a pause; by that pause more if one of
/// them did not, since then it has not run, for want of a processor if for nothing else. Instances that come back count a lease from then on, so that one which was
/// running during a fault may last once more.
/// </summary>
internal static class LeaseAllowance
{
    private static readonly TimeSpan s_calm = TimeSpan.FromSeconds(1);

    /// <summary>What was frozen or cut off is noticed, and replaced, within a session's timeout.</summary>
    private static readonly TimeSpan s_reconnecting = TimeSpan.FromSeconds(4);

    internal static Func<RunOutLease, OvershootLimit> For(FaultTimeline timeline)
    {
        IReadOnlyList<Fault> faults = timeline.Faults;
        return lease =>
        {
            TimeSpan[] ends = [.. faults
                .Where(fault => fault.Began < lease.Granted && fault.Ended + s_reconnecting > lease.End - lease.Ttl)
                .Select(fault => fault.Ended)];
            if (ends.Length == 0)
            {
                TimeSpan stalled = timeline.Stalls.Select(stall => Earlier(stall.To, lease.Granted) - Later(stall.From, lease.End)).Append(TimeSpan.Zero).Max();
                return new OvershootLimit(s_calm + stalled, AllowsForFaults: false);
            }

            TimeSpan most = ends.Max() + s_reconnecting + lease.Ttl + s_calm - lease.End;
            return new OvershootLimit(most > s_calm ? most : s_calm, AllowsForFaults: true);
        };
    }

    private static TimeSpan Earlier(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
