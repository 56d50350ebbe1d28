using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Renews a lease by writing its record again, on the version that this instance knows or has read. A renewal that another one has
/// overtaken is written on top of that; one that comes after the end finds nothing to write on. One that comes when the lease has been held as
/// long as it may is refused, and the lease just ends.
/// </summary>
internal sealed class Renewal(
    LockServices services, LockDirectory directory, string name, ContenderName holder, RenewTerms terms, GrantCompanions? companions)
{
    private readonly string _path = directory.Child(holder.Name);
    private readonly long _arrived = services.Clock.GetTimestamp();

    /// <returns>Null if the lease has ended, or has been held as long as it may.</returns>
    internal async Task<LockGrant?> RunAsync(CancellationToken cancellation)
    {
        Deadline deadline = services.Lanes.NewDeadline();
        (int Version, HeldLock Held)? present = services.Leases.Known(_path) is (var version, HeldLock held) ? (version, held) : null;
        while (true)
        {
            present ??= await ReadAsync(deadline, cancellation).ConfigureAwait(false);
            if (present is not { } old)
            {
                return null;
            }

            ContenderRecord record = old.Held.Record;
            TimeSpan wanted = terms.Ttl ?? TimeSpan.FromMilliseconds(record.TtlMs);
            long ttlMs = terms.MayShorten ? (long)wanted.TotalMilliseconds : record.TtlMs;
            if (new HoldLimit(services, _path, record, old.Version).Prolong(wanted, ttlMs, terms.MayShorten) is not var (renewed, told))
            {
                return null;
            }

            LockGrant grant = ToGrant(renewed, told, old.Held.Token);
            CommitUnit unit = new CommitUnit(directory.Path).SetData(_path, renewed.ToBytes(), old.Version).Add(companions?.Invoke(grant));
            CommitResult result = await services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
            if (result.Committed)
            {
                services.Leases.Observe(
                    _path, old.Version + 1, renewed.Lease, services.HolderLease, old.Held with { Record = renewed }, renewed.Age);
                TimeSpan age = services.Clock.GetElapsedTime(_arrived);
                // The caller counts from its sending, and would hold an answer that is nearly over, or over.
                return age > grant.Ttl / 2
                    ? throw new EffectUnknownException("The lease was renewed, but the answer took more than half of it.")
                    : grant;
            }

            if (result.FailedIndex > 0)
            {
                throw new CompanionRefusedException(result, 1);
            }

            switch (result.Error)
            {
                case ErrorCode.BadVersion:
                    present = null;
                    break;
                case ErrorCode.NoNode:
                    services.Leases.Forget(_path);
                    return null;
                default:
                    throw new StoreUnavailableException($"ZooKeeper refuses to renew the lease: {result.Error}.");
            }
        }
    }

    private async Task<(int Version, HeldLock Held)?> ReadAsync(Deadline deadline, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        NodeData? node = await services.Store.ReadAsync(
            async (client, token) => await ReadAsync(client, latest: false, token).ConfigureAwait(false)
                // The server in use may not have heard yet of a grant or a renewal through another instance.
                ?? await ReadAsync(client, latest: true, token).ConfigureAwait(false),
            deadline).ConfigureAwait(false);
        // One that shares the lease of another has none to be renewed.
        return node is not null && ContenderRecord.Parse(node.Data) is { Primary: null } record
            ? (node.Stat.Version, new HeldLock(record, node.Stat.CreatedZxid))
            : null;
    }

    private async Task<NodeData?> ReadAsync(ZooKeeperClient client, bool latest, CancellationToken token) =>
        (await services.Reads.GetDataAsync(client, [_path], latest, token).ConfigureAwait(false))[0];

    private LockGrant ToGrant(ContenderRecord record, TimeSpan told, long token) => new(
        name,
        LeaseId.Of(name, holder),
        token,
        holder.Mode,
        record.Owner,
        told,
        TimeSpan.Zero,
        record.Since,
        services.Clock.GetUtcNow() + told - services.Clock.GetElapsedTime(_arrived))
    {
        Members = record.Members,
    };
}

/// <summary>What a renewal is to make of a lease.</summary>
/// <param name="Ttl">How long it lasts from now on, if it may; null for its own TTL.</param>
/// <param name="MayShorten">
/// Whether that is from now on its TTL, although it may have been longer. If not, somebody else counts on the lease as it is.
/// </param>
internal readonly record struct RenewTerms(TimeSpan? Ttl, bool MayShorten);
