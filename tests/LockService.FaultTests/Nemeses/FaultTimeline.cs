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

    /// <summary>When everything had been started and in use for a while. Until then it is as after a fault of everything.</summary>
    internal TimeSpan WarmedUp { get; set; }

    /// <summary>What was broken, or had just been started, in a time or shortly before: when each was whole again.</summary>
    internal IEnumerable<TimeSpan> BrokenUntil(TimeSpan since, TimeSpan until) =>
        from broken in Faults.Select(fault => (fault.Began, fault.Ended)).Prepend((Began: TimeSpan.Zero, Ended: WarmedUp))
        where broken.Began < until && broken.Ended + Reconnecting > since
        select broken.Ended;

    internal void Add(Fault fault) => _faults.Enqueue(fault);
}
