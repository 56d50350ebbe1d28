using System.Collections.Concurrent;

namespace LockService.FaultTests.Nemeses;

/// <summary>A fault that happened. Times are since the run's history began.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Target">What was broken.</param>
/// <param name="Began">When it was injected at the earliest.</param>
/// <param name="Ended">When all was made whole again.</param>
/// <param name="EndedService">Whether there was no service for anybody.</param>
/// <param name="Alone">Whether no other fault was there meanwhile.</param>
internal sealed record Fault(string Kind, NemesisTarget Target, TimeSpan Began, TimeSpan Ended, bool EndedService, bool Alone);

/// <summary>Which faults there were, and when.</summary>
internal sealed class FaultTimeline
{
    /// <summary>What was frozen or cut off is noticed, and replaced, within a session's timeout.</summary>
    internal static readonly TimeSpan Reconnecting = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan s_outage = TimeSpan.FromSeconds(1);

    private readonly ConcurrentQueue<Fault> _faults = new();

    /// <summary>Those that are over.</summary>
    internal IReadOnlyList<Fault> Faults => [.. _faults.OrderBy(fault => fault.Began)];

    /// <summary>
    /// When an instance acknowledged no write for much longer than writes take, whatever the cause: a fault, or a machine that had no time for it.
    /// Known when the run is over.
    /// </summary>
    internal IReadOnlyList<(TimeSpan From, TimeSpan To)> Stalls { get; set; } = [];

    /// <summary>
    /// When ZooKeeper acknowledged no write to a client that goes past the service and all links, for much longer than writes take: faults of servers, and
    /// what the machine did by itself. Known when the run is over.
    /// </summary>
    internal IReadOnlyList<(TimeSpan From, TimeSpan To)> Silences { get; set; } = [];

    /// <summary>How long ZooKeeper was silent, each time that nothing was broken.</summary>
    internal IEnumerable<TimeSpan> SilencesByThemselves =>
        from silence in Silences
        where silence.From > WarmedUp && !Faults.Any(fault => fault.Began < silence.To && fault.Ended + Reconnecting > silence.From)
        select silence.To - silence.From;

    /// <summary>When everything had been started and in use for a while. Until then it is as after a fault of everything.</summary>
    internal TimeSpan WarmedUp { get; set; }

    /// <summary>
    /// What was broken, or had just been started, in a time or shortly before: when each was whole again. A silence that is long enough for instances to
    /// time all leases anew is an outage, whatever the cause, such as an epoch that came to its end without a nemesis.
    /// </summary>
    internal IEnumerable<TimeSpan> BrokenUntil(TimeSpan since, TimeSpan until) =>
        from broken in Faults.Select(fault => (From: fault.Began, To: fault.Ended))
            .Concat(Silences.Where(silence => silence.To - silence.From > s_outage))
            .Append((From: TimeSpan.Zero, To: WarmedUp))
        where broken.From < until && broken.To + Reconnecting > since
        select broken.To;

    internal void Add(Fault fault) => _faults.Enqueue(fault);
}
