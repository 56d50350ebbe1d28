using LockService.Recipes.Commit;

namespace LockService.Recipes.Locking;

/// <summary>
/// What the caller of an acquisition or a renewal wants to happen in the same transaction, given the lease as it will be; its token is 0,
/// since that is the transaction itself. Called once for every attempt.
/// </summary>
internal delegate IReadOnlyList<UnitOperation> GrantCompanions(LockGrant grant);

/// <summary>The last step of every grant.</summary>
internal static class Granting
{
    /// <summary>Has the lease timed, and tells the caller of it, unless he has left or it is too late: then it is given back.</summary>
    /// <exception cref="OperationCanceledException">The caller has left.</exception>
    /// <exception cref="StoreUnavailableException">The lease is half over already.</exception>
    internal static LockGrant Conclude(
        LockServices services, LockDirectory directory, string name, Hold hold, long token, long arrived, CancellationToken cancellation)
    {
        string path = directory.Child(hold.Name.Name);
        bool late = services.Clock.GetElapsedTime(hold.SentAt) > hold.Ttl / 2;
        if (late || cancellation.IsCancellationRequested)
        {
            services.Deletes.Delete(directory.Path, path);
            cancellation.ThrowIfCancellationRequested();
            throw new StoreUnavailableException("The lock was granted too late for its lease to be of use, and was given back.");
        }

        services.Leases.Observe(path, 0, hold.Ttl, services.HolderLease, new HeldLock(hold.Record, token));
        return hold.ToGrant(name, token, arrived, services.Clock);
    }
}

/// <summary>What this instance knows of a holder along with its version, so that a renewal need not read it.</summary>
/// <param name="Record">Its data.</param>
/// <param name="Token">Its creation.</param>
internal sealed record HeldLock(ContenderRecord Record, long Token);
