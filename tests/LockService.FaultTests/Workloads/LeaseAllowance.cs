using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>
/// How late a lease may end: by a second while instances and a quorum run. Instances that come back count a lease from then on, so that one which was
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
                return new OvershootLimit(s_calm, AllowsForFaults: false);
            }

            TimeSpan most = ends.Max() + s_reconnecting + lease.Ttl + s_calm - lease.End;
            return new OvershootLimit(most > s_calm ? most : s_calm, AllowsForFaults: true);
        };
    }
}
