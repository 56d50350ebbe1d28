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

    internal required WaiterSlots Slots { get; init; }

    /// <summary>Cancelled when the instance shuts down: nobody goes on waiting then.</summary>
    internal required CancellationToken Draining { get; init; }
}
