using System.Collections.Concurrent;
using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Leases;
using LockService.Recipes.Sessions;

namespace LockService.Recipes.Queueing;

/// <summary>What the steps of the queue recipe share.</summary>
internal sealed record QueueServices
{
    internal required CoordinationOptions Options { get; init; }

    internal required TimeProvider Clock { get; init; }

    internal required CommitLanes Lanes { get; init; }

    internal required StoreCalls Store { get; init; }

    internal required KeyedCalls Keyed { get; init; }

    internal required LeaseObserver Leases { get; init; }

    /// <summary>The time that messages' own ends are written in.</summary>
    internal required SharedClock Time { get; init; }

    /// <summary>Times delays.</summary>
    internal required Delays Delays { get; init; }

    internal required WaiterSlots Slots { get; init; }

    /// <summary>The segments that need not be made.</summary>
    internal KnownSegments Segments { get; } = new();

    /// <summary>The queues that somebody uses here, by their lives.</summary>
    internal ConcurrentDictionary<string, LocalQueue> Lives { get; } = new();

    /// <summary>Cancelled when the instance shuts down: nobody goes on waiting then.</summary>
    internal required CancellationToken Draining { get; init; }
}
