using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Ends a lease. If those who have the lock next wait in this instance, it is handed over to them in the same transaction, without a moment
/// in which nobody holds it and without a round trip of theirs.
/// </summary>
internal sealed class Release(LockServices services, LockDirectory directory, ContenderName holder, IReadOnlyList<UnitOperation>? companions)
{
    private readonly string _path = directory.Child(holder.Name);

    /// <returns>False if the lease had ended before.</returns>
    internal async Task<bool> RunAsync()
    {
        Deadline deadline = services.Lanes.NewDeadline();
        bool handOver = true;
        while (true)
        {
            LockLine? line = services.Lines.Find(directory.Path);
            IReadOnlyList<Place> next = handOver ? line?.ClaimBehind(holder) ?? [] : [];
            (Place Place, Hold Hold)[] claimed =
                [.. next.Select(place => (place, Hold.New(services, place.Options, place.Name.Sequence)))];
            CommitUnit unit = NewUnit(line, claimed);
            int companionsAt = unit.Operations.Count;
            unit.Add(companions);
            CommitResult result;
            try
            {
                result = await services.Lanes.CommitAsync(unit, deadline, CancellationToken.None).ConfigureAwait(false);
            }
            catch (CoordinationException e)
            {
                Unclaim(line, claimed, open: e is EffectUnknownException);
                throw;
            }

            if (result.Committed)
            {
                services.Leases.Forget(_path);
                Grant(line, claimed, result.Zxid);
                services.Free.Note(directory.Path, free: line is null && claimed.Length == 0);
                return true;
            }

            Unclaim(line, claimed, open: false);
            if (result.FailedIndex == 0)
            {
                // Only a missing node proves that the lease has ended.
                if (result.Error != ErrorCode.NoNode)
                {
                    throw new StoreUnavailableException($"ZooKeeper refuses to release the lock: {result.Error}.");
                }

                services.Leases.Forget(_path);
                return false;
            }

            if (result.FailedIndex >= companionsAt)
            {
                throw new CompanionRefusedException(result, companionsAt);
            }

            // The place of one of them was lost. They all look for themselves once the lock is free.
            handOver = false;
        }
    }

    private CommitUnit NewUnit(LockLine? line, (Place Place, Hold Hold)[] claimed)
    {
        CommitUnit unit = new CommitUnit(directory.Path) { Unclaimed = late => Grant(line, claimed, late.Zxid) }.Delete(_path, -1);
        foreach ((Place place, Hold hold) in claimed)
        {
            unit.Delete(directory.Child(place.Name.Name), -1)
                .CreateListed(directory.Child(hold.Name.Name), hold.Record.ToBytes());
        }

        return unit;
    }

    private void Grant(LockLine? line, (Place Place, Hold Hold)[] claimed, long zxid)
    {
        foreach ((_, Hold hold) in claimed)
        {
            Granting.Observe(services, directory, hold, zxid);
        }

        foreach (Hold abandoned in line?.Grant(claimed, holder.Name, zxid) ?? [])
        {
            services.Deletes.Delete(directory.Path, directory.Child(abandoned.Name.Name));
        }
    }

    private void Unclaim(LockLine? line, (Place Place, Hold Hold)[] claimed, bool open)
    {
        foreach (Place abandoned in line?.Unclaim(claimed, open) ?? [])
        {
            services.Deletes.Delete(directory.Path, directory.Child(abandoned.Name.Name));
        }
    }
}
