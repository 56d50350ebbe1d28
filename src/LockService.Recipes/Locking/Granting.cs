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
    /// <summary>Tells the caller of the lease, which is being timed, unless he has left or it is too late: then it is given back.</summary>
    /// <param name="services">The recipe's.</param>
    /// <param name="directory">The lock's.</param>
    /// <param name="name">The lock.</param>
    /// <param name="hold">What was granted.</param>
    /// <param name="token">The transaction.</param>
    /// <param name="arrived">When the request came.</param>
    /// <param name="isKept">Whether the lease is kept for a caller who has left: he may ask again, and is then told of this very lease.</param>
    /// <param name="cancellation">The caller leaves.</param>
    /// <exception cref="OperationCanceledException">The caller has left.</exception>
    /// <exception cref="StoreUnavailableException">The lease is half over already, and was given back.</exception>
    /// <exception cref="EffectUnknownException">The lease is half over already, and was kept.</exception>
    internal static LockGrant Conclude(
        LockServices services, LockDirectory directory, string name, Hold hold, long token, long arrived, bool isKept, CancellationToken cancellation)
    {
        bool late = services.Clock.GetElapsedTime(hold.SentAt) > hold.Ttl / 2;
        if (late || cancellation.IsCancellationRequested)
        {
            Abandon(services, directory, hold, token, isKept);
            cancellation.ThrowIfCancellationRequested();
            throw isKept
                ? new EffectUnknownException("The lock was granted, but the answer took more than half of its lease.")
                : new StoreUnavailableException("The lock was granted too late for its lease to be of use, and was given back.");
        }

        return hold.ToGrant(name, token, arrived, services.Clock);
    }

    /// <summary>Nobody is there to be told of a grant: it is given back, or kept until its lease ends.</summary>
    internal static void Abandon(LockServices services, LockDirectory directory, Hold hold, long token, bool isKept)
    {
        if (isKept)
        {
            Observe(services, directory, hold, token);
        }
        else
        {
            string path = directory.Child(hold.Name.Name);
            services.Deletes.Delete(directory.Path, LeaseNodes.PathsOf(path, hold.Record));
        }
    }

    /// <summary>Has the lease timed from its grant on, and before others hear of it: who waits behind it need not look at it for that.</summary>
    internal static void Observe(LockServices services, LockDirectory directory, Hold hold, long token)
    {
        string path = directory.Child(hold.Name.Name);
        var held = new HeldLock(hold.Record, token);
        TimeSpan age = services.Clock.GetElapsedTime(hold.SentAt);
        services.Leases.Observe(path, 0, hold.Ttl, services.HolderLease, held, age, LeaseNodes.OthersOf(path, hold.Record));
    }
}

/// <summary>What this instance knows of a holder along with its version, so that a renewal need not read it.</summary>
/// <param name="Record">Its data.</param>
/// <param name="Token">Its creation.</param>
internal sealed record HeldLock(ContenderRecord Record, long Token);
