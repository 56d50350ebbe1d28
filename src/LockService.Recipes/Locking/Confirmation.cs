using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Has waiters found by everybody who lists their directories, for the reason that <see cref="CommitUnit.CreateListed"/> tells. The number of a
/// waiter is known only when it is there; so it is deleted and created once more in a transaction of its own, with the number that it has. That
/// transaction moves the directory's version, on which promotions are conditional: one that rests on a listing from before it is refused.
/// </summary>
internal static class Confirmation
{
    /// <summary>Between two attempts, of which each may take as long as a request may wait for ZooKeeper.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether a directory was made shortly before a transaction, by the leaders' clocks.</summary>
    /// <param name="services">What locks are made of.</param>
    /// <param name="seen">The directory.</param>
    /// <param name="enteredAtMs">The transaction's time, in milliseconds since 1970.</param>
    internal static bool IsNeeded(LockServices services, Contenders seen, long enteredAtMs) =>
        seen.Directory is { } directory && enteredAtMs - directory.Stat.CreatedAt < services.Options.SnapshotTime.TotalMilliseconds;

    /// <summary>
    /// Does it, if all the waiters are still there, however often that takes: who is in no list may be overtaken, and must not take the lock himself
    /// while he may be. Who is listed, and lists again after that, sees whoever has overtaken him; and nobody else will.
    /// </summary>
    /// <param name="services">What locks are made of.</param>
    /// <param name="resource">What the unit is about.</param>
    /// <param name="session">The session that owns the waiters.</param>
    /// <param name="places">The waiters, and what was seen of their directories.</param>
    /// <param name="record">Their data.</param>
    /// <param name="isOver">Whether they have the lock already.</param>
    /// <param name="cancellation">Gives up: they are about to leave.</param>
    /// <exception cref="StoreUnavailableException">ZooKeeper refuses it, because of an access list for one.</exception>
    internal static async Task ConfirmAsync(
        LockServices services,
        string resource,
        int session,
        IReadOnlyList<(LockDirectory Directory, ContenderName Waiter, Contenders Seen)> places,
        byte[] record,
        Func<bool> isOver,
        CancellationToken cancellation)
    {
        while (!isOver())
        {
            // Who has to wait for somebody anyway can wait for others to travel with.
            bool blocked = places.Any(place => place.Seen.BlockerOf(place.Waiter) is not null);
            var unit = new CommitUnit(resource) { Patience = blocked ? QueuedWait.EntryPatience : TimeSpan.Zero };
            foreach ((LockDirectory directory, ContenderName waiter, Contenders seen) in places)
            {
                string path = directory.Child(waiter.Name);
                unit.Delete(path, -1).Create(path, record, CreateMode.Ephemeral).Touch(directory.Path, seen.Directory?.Data ?? default);
            }

            CommitResult? result = null;
            try
            {
                result = await services.Lanes.CommitWaiterAsync(unit, session, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is EffectUnknownException or StoreUnavailableException)
            {
                // Waiters ride out an outage. To do it twice is no harm.
            }

            // One of them has gone, or was granted the lock meanwhile: whoever looks will see.
            if (result is { Committed: true } or { Error: ErrorCode.NoNode })
            {
                return;
            }

            if (result is not null)
            {
                throw new StoreUnavailableException($"ZooKeeper refuses the waiter: {result.Error}.");
            }

            await Task.Delay(s_pause, services.Clock, cancellation).ConfigureAwait(false);
        }
    }
}
