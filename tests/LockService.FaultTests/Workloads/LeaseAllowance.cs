using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>
/// How late a lease may end: by a second while instances and a quorum run. Instances that come back count a lease from then on, so that one which was
/// running during a fault may last once more. For as long as ZooKeeper itself answered nobody, whatever the cause, nobody can have been granted the lock.
/// </summary>
internal static class LeaseAllowance
{
    private static readonly TimeSpan s_calm = TimeSpan.FromSeconds(1);

    internal static Func<RunOutLease, OvershootLimit> For(FaultTimeline timeline) => lease =>
    {
        TimeSpan[] ends = [.. timeline.BrokenUntil(lease.End - lease.Ttl, lease.Granted)];
        TimeSpan silent = Silent(timeline.Silences, lease.End, lease.Granted);
        TimeSpan most = s_calm + silent;
        TimeSpan onceMore = ends.Length == 0 ? TimeSpan.Zero : ends.Max() + FaultTimeline.Reconnecting + lease.Ttl + s_calm - lease.End;
        return new OvershootLimit(onceMore > most ? onceMore : most, AllowsForFaults: ends.Length > 0 || silent > TimeSpan.Zero);
    };

    /// <summary>How much of a time lies in silences.</summary>
    private static TimeSpan Silent(IEnumerable<(TimeSpan From, TimeSpan To)> silences, TimeSpan from, TimeSpan to) => new(silences
        .Select(silence => (From: Math.Max(silence.From.Ticks, from.Ticks), To: Math.Min(silence.To.Ticks, to.Ticks)))
        .Sum(shared => Math.Max(0, shared.To - shared.From)));
}
