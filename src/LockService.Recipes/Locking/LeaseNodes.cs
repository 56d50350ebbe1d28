using LockService.Recipes.Commit;
using LockService.Recipes.Locking.Events;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// All nodes of one lease: the holder that carries it, and, if it was granted on several locks, the holders that share it. They come into
/// being in one transaction, and go in one: whoever ends a lease, for whatever reason, does it with this.
/// </summary>
internal static class LeaseNodes
{
    /// <summary>The paths of all holders that have the lease, first that of the one that carries it.</summary>
    /// <param name="carrier">The holder that carries it.</param>
    /// <param name="record">Its data.</param>
    internal static IReadOnlyList<string> PathsOf(string carrier, ContenderRecord record) => [carrier, .. OthersOf(carrier, record)];

    /// <summary>The same without the one that carries it; none for a lease on one lock.</summary>
    internal static IReadOnlyList<string> OthersOf(string carrier, ContenderRecord record) =>
        record.Members is { } members ? [.. members.Select(member => PathOf(carrier, member))] : [];

    /// <summary>The path of the holder that carries the lease; that of this one unless it shares another's.</summary>
    internal static string CarrierOf(string path, ContenderRecord record) => record.Primary is { } primary ? PathOf(path, primary) : path;

    /// <summary>The directory of a holder.</summary>
    internal static string DirectoryOf(string path) => path[..path.LastIndexOf('/')];

    /// <summary>
    /// Ends a lease. A holder that is missing among those that share it, since somebody removed it past the service, keeps nothing from ending.
    /// </summary>
    /// <param name="lanes">Where changes are committed.</param>
    /// <param name="paths">Its holders, first the one that carries it.</param>
    /// <param name="version">That one's version, on which all depends; -1 for any.</param>
    /// <param name="reason">Why it ends, if its holder does not end it; null if he does.</param>
    /// <param name="closures">What is to take their places; none if its holder ends it.</param>
    /// <param name="companions">What else is to happen in the same transaction; null for nothing.</param>
    /// <param name="unclaimed">Called if it turns out to have happened after it was given up.</param>
    /// <param name="deadline">The call's.</param>
    /// <returns>Committed; or refused because of the holder that carries it, at index 0.</returns>
    /// <exception cref="CompanionRefusedException">One of the companions was refused, and the end with it.</exception>
    internal static async Task<CommitResult> EndAsync(
        CommitLanes lanes,
        IReadOnlyList<string> paths,
        int version,
        LockEventType? reason,
        IReadOnlyList<Closure> closures,
        IReadOnlyList<UnitOperation>? companions,
        Action unclaimed,
        Deadline deadline)
    {
        var left = paths.ToList();
        while (true)
        {
            var unit = new CommitUnit(DirectoryOf(left[0])) { Unclaimed = _ => unclaimed() };
            string[] announced = reason is null ? [] : [.. left];
            Ending.Announce(unit, announced, reason ?? default);
            left.ForEach(path => unit.Delete(path, path == left[0] ? version : -1));
            foreach (Closure closure in closures.Where(closure => left.Exists(path => DirectoryOf(path) == DirectoryOf(closure.Path))))
            {
                closure.AddTo(unit);
            }

            Ending.Withdraw(unit, announced, reason ?? default);
            int companionsAt = unit.Operations.Count;
            CommitResult result = await lanes.CommitAsync(unit.Add(companions), deadline, CancellationToken.None).ConfigureAwait(false);
            // A notice is refused if the directory is gone, and its holder with it.
            int failed = result.FailedIndex < announced.Length ? result.FailedIndex : result.FailedIndex - announced.Length;
            if (result.Committed || failed == 0)
            {
                return result.Committed ? result : CommitResult.Refused(result.Error, failed);
            }

            if (result.FailedIndex >= companionsAt)
            {
                throw new CompanionRefusedException(result, companionsAt);
            }

            if (result.Error != ErrorCode.NoNode || failed >= left.Count)
            {
                throw new StoreUnavailableException($"ZooKeeper refuses to end the lease: {result.Error}.");
            }

            left.RemoveAt(failed);
        }
    }

    /// <summary>The path of a holder that is named in the record of another one: a lock and a node, beside that other one's.</summary>
    private static string PathOf(string other, string holder) => $"{other[..other.LastIndexOf('/', other.LastIndexOf('/') - 1)]}/{holder}";
}
