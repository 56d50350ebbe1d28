using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Leases;
using LockService.Recipes.Sessions;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Locking;

/// <summary>What the steps of the lock recipe share.</summary>
internal sealed record LockServices
{
    internal required CoordinationOptions Options { get; init; }

    internal required TimeProvider Clock { get; init; }

    internal required SessionKeeper Sessions { get; init; }

    internal required StoreCalls Store { get; init; }

    internal required CommitLanes Lanes { get; init; }

    internal required KeyedCalls Keyed { get; init; }

    internal required SharedReads Reads { get; init; }

    internal required LeaseObserver Leases { get; init; }

    internal required HolderLease HolderLease { get; init; }

    internal required LockMetrics Metrics { get; init; }

    internal required ILogger Logger { get; init; }

    internal required GuaranteedDeletes Deletes { get; init; }

    internal required WaiterSeats Seats { get; init; }

    internal required WaiterReconciler Waiters { get; init; }

    internal required FreeDirectories Free { get; init; }

    /// <summary>Those who wait here.</summary>
    internal LockLines Lines { get; } = new();

    internal required string InstanceId { get; init; }

    /// <summary>Cancelled when the instance shuts down: nobody goes on waiting then.</summary>
    internal required CancellationToken Draining { get; init; }
}
