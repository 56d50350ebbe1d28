using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Has waiters found by everybody who lists their directories, for the reason that <see cref="CommitUnit.CreateListed"/> tells. The number of a
/// waiter is known only when it is there; so it is deleted and created once more in a transaction of its own, with the number that it has.
/// </summary>
internal static class Confirmation
{
    /// <summary>Whether a directory was made shortly before a transaction, by the leaders' clocks. One that is not known may have been.</summary>
    /// <param name="services">What locks are made of.</param>
    /// <param name="listing">The directory.</param>
    /// <param name="enteredAtMs">The transaction's time, in milliseconds since 1970.</param>
    internal static bool IsNeeded(LockServices services, DirectoryListing? listing, long enteredAtMs) =>
        (listing is null ? 0 : enteredAtMs - listing.Directory.Stat.CreatedAt) < services.Options.SnapshotTime.TotalMilliseconds;

    /// <summary>Does it, if all the waiters are still there. Nobody waits for it: without it they are where they are.</summary>
    /// <param name="services">What locks are made of.</param>
    /// <param name="resource">What the unit is about.</param>
    /// <param name="session">The session that owns the waiters.</param>
    /// <param name="paths">The waiters.</param>
    /// <param name="record">Their data.</param>
    /// <param name="cancellation">They are about to leave.</param>
    internal static async Task ConfirmAsync(
        LockServices services, string resource, int session, IEnumerable<string> paths, byte[] record, CancellationToken cancellation)
    {
        var unit = new CommitUnit(resource);
        foreach (string path in paths)
        {
            unit.Delete(path, -1).Create(path, record, CreateMode.Ephemeral);
        }

        try
        {
            await services.Lanes.CommitWaiterAsync(unit, session, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is CoordinationException or ZooKeeperException or OperationCanceledException)
        {
            // Both or neither was done, and either way those who still wait have their places.
        }
    }
}
