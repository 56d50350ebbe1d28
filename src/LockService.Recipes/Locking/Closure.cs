using LockService.Recipes.Commit;
using LockService.Recipes.Leases;

namespace LockService.Recipes.Locking;

/// <summary>
/// Keeps a lock closed for a while after a lease that its holder did not end: an exclusive contender that takes the holder's place in the very
/// transaction that removes the holder, and is nobody's. It is timed like a lease; native clients wait behind it as well.
/// </summary>
/// <remarks>
/// No listing ever shows neither of the two. So whoever waits behind the holder goes on waiting, and whoever comes finds somebody there.
/// </remarks>
/// <param name="Path">The closure's node.</param>
/// <param name="Record">Its data: whose lease it was, and how long the closure lasts.</param>
internal sealed record Closure(string Path, ContenderRecord Record)
{
    /// <summary>The closure that is to follow a lease; null if none is.</summary>
    /// <param name="path">The holder's node.</param>
    /// <param name="holder">Its data.</param>
    internal static Closure? After(string path, ContenderRecord holder)
    {
        int name = path.LastIndexOf('/') + 1;
        return holder.DelayMs > 0 && ContenderName.Parse(path[name..]) is { } place
            ? new Closure(
                path[..name] + place.NewClosure().Name,
                new ContenderRecord { Owner = holder.Owner, TtlMs = holder.DelayMs, Since = holder.Since, Instance = holder.Instance })
            : null;
    }

    /// <summary>Adds its creation to the unit that ends the lease.</summary>
    internal void AddTo(CommitUnit unit) => unit.CreateListed(Path, Record.ToBytes());

    /// <summary>Has it timed from its creation on.</summary>
    internal void Observe(LeaseObserver leases, HolderLease kind) => leases.Observe(Path, 0, Record.Lease, kind);
}
