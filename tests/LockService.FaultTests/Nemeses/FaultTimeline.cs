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
    private readonly ConcurrentQueue<Fault> _faults = new();

    /// <summary>Those that are over.</summary>
    internal IReadOnlyList<Fault> Faults => [.. _faults.OrderBy(fault => fault.Began)];

    /// <summary>
    /// When an instance acknowledged no write for much longer than writes take, whatever the cause: a fault, or a machine that had no time for it.
    /// Known when the run is over.
    /// </summary>
    internal IReadOnlyList<(TimeSpan From, TimeSpan To)> Stalls { get; set; } = [];

    internal void Add(Fault fault) => _faults.Enqueue(fault);
}
