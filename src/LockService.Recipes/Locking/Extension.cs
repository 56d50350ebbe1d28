using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Makes the answer to an earlier request true again: its holder counts his lease from when he asked again, plus what he was told that he
/// had waited, so the lease is extended to that. It never gets shorter, since he may have the first answer too, and have renewed since.
/// </summary>
internal sealed class Extension(LockServices services, LockDirectory directory, string name, ContenderName holder, LeaseOutcome told)
{
    private readonly string _path = directory.Child(holder.Name);
    private readonly long _arrived = services.Clock.GetTimestamp();

    /// <returns>Null if the lease has ended.</returns>
    internal async Task<LockGrant?> RunAsync(Deadline deadline)
    {
        while (true)
        {
            NodeData? node = await services.Store.ReadAsync(
                async (client, token) => (await services.Reads.GetDataAsync(client, [_path], latest: true, token).ConfigureAwait(false))[0],
                deadline).ConfigureAwait(false);
            if (node is null || ContenderRecord.Parse(node.Data) is not { } record)
            {
                return null;
            }

            var lasting = TimeSpan.FromMilliseconds(told.TtlMs + told.WaitedMs);
            if (new HoldLimit(services, _path, record, node.Stat.Version).Prolong(lasting, record.TtlMs, mayShorten: false) is not var (extended, granted))
            {
                return null;
            }

            CommitUnit unit = new CommitUnit(directory.Path).SetData(_path, extended.ToBytes(), node.Stat.Version);
            CommitResult result = await services.Lanes.CommitAsync(unit, deadline, CancellationToken.None).ConfigureAwait(false);
            if (result.Committed)
            {
                var held = new HeldLock(extended, node.Stat.CreatedZxid);
                services.Leases.Observe(_path, node.Stat.Version + 1, extended.Lease, services.HolderLease, held, extended.Age);
                return ToGrant(held, granted);
            }

            if (result.Error is not (ErrorCode.BadVersion or ErrorCode.NoNode))
            {
                throw new StoreUnavailableException($"ZooKeeper refuses to extend the lease: {result.Error}.");
            }
        }
    }

    /// <param name="held">The lease.</param>
    /// <param name="lasting">How long it lasts: as he was told before, or less if it may not be held that long any more.</param>
    private LockGrant ToGrant(HeldLock held, TimeSpan lasting)
    {
        TimeSpan ttl = TimeSpan.FromMilliseconds(told.TtlMs) is var before && before < lasting ? before : lasting;
        TimeSpan age = services.Clock.GetElapsedTime(_arrived);
        // The caller counts from his sending, and would hold an answer that is nearly over, or over.
        return age > ttl / 2
            ? throw new EffectUnknownException("The lease was extended, but the answer took more than half of it.")
            : new LockGrant(
                name,
                told.LeaseId,
                held.Token,
                holder.Mode,
                held.Record.Owner,
                ttl,
                lasting - ttl,
                held.Record.Since,
                services.Clock.GetUtcNow() + ttl - age)
            {
                Members = held.Record.Members,
            };
    }
}
