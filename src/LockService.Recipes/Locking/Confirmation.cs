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
    /// <summary>Between two attempts, of which each may take as long as a request may wait for ZooKeeper.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether a directory was made shortly before a transaction, by the leaders' clocks. One that is not known may have been.</summary>
    /// <param name="services">What locks are made of.</param>
    /// <param name="listing">The directory.</param>
    /// <param name="enteredAtMs">The transaction's time, in milliseconds since 1970.</param>
    internal static bool IsNeeded(LockServices services, DirectoryListing? listing, long enteredAtMs) =>
        (listing is null ? 0 : enteredAtMs - listing.Directory.Stat.CreatedAt) < services.Options.SnapshotTime.TotalMilliseconds;

    /// <summary>
    /// Does it, if all the waiters are still there, however often that takes: who is in no list may be overtaken, and must not take the lock himself
    /// while he may be. Who is listed, and lists again after that, sees whoever has overtaken him.
    /// </summary>
    /// <param name="services">What locks are made of.</param>
    /// <param name="resource">What the unit is about.</param>
    /// <param name="session">The session that owns the waiters.</param>
    /// <param name="paths">The waiters.</param>
    /// <param name="record">Their data.</param>
    /// <param name="patience">How long it may wait for others to travel with.</param>
    /// <param name="isOver">Whether they have the lock already.</param>
    /// <param name="cancellation">Gives up: they are about to leave.</param>
    internal static async Task ConfirmAsync(
        LockServices services,
        string resource,
        int session,
        IReadOnlyList<string> paths,
        byte[] record,
        TimeSpan patience,
        Func<bool> isOver,
        CancellationToken cancellation)
    {
        while (!isOver())
        {
            var unit = new CommitUnit(resource) { Patience = patience };
            foreach (string path in paths)
            {
                unit.Delete(path, -1).Create(path, record, CreateMode.Ephemeral);
            }

            try
            {
                CommitResult result = await services.Lanes
                    .CommitWaiterAsync(unit, session, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
                // One of them has gone, or was granted the lock meanwhile: whoever looks will see.
                if (result.Committed || result.Error == ErrorCode.NoNode)
                {
                    return;
                }
            }
            catch (Exception e) when (e is EffectUnknownException or StoreUnavailableException)
            {
                // Waiters ride out an outage. To do it twice is no harm.
            }

            await Task.Delay(s_pause, services.Clock, cancellation).ConfigureAwait(false);
        }
    }
}
