using System.Globalization;
using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Locking.Events;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Locking;

/// <summary>
/// Ends every hold on a lock at once, native ones included, and opens it if it is closed. Waiters keep their places.
/// </summary>
/// <remarks>
/// 1. List in sync, and read who holds.
/// 2. Delete them all in one transaction, each followed by its closure if it asked for one.
/// 3. One has gone meanwhile: nothing was done; look again.
/// <para>A lease that is on other locks too ends on all of them. What is deleted are paths that are never used twice, so that nobody who came later is hit. A renewal does not get in the way.</para>
/// </remarks>
internal sealed partial class Breaking(LockServices services, LockDirectory directory, string name, BreakOptions options, OutcomeRecord? record)
{
    /// <summary>Holders that one transaction ends: with notices and closures they take less than 3 KiB each, and a request may have 1 MiB.</summary>
    private const int MaxAtOnce = 300;

    /// <summary>Nodes read in one request.</summary>
    private const int NodesAtOnce = 250;

    /// <summary>Owners that a line of the log names.</summary>
    private const int MaxNamed = 20;

    /// <exception cref="CompanionRefusedException">The record could not be created. Nothing was done.</exception>
    internal async Task RunAsync(Deadline deadline)
    {
        bool begun = false;
        while (true)
        {
            try
            {
                (IReadOnlyList<Victim> victims, bool last) = await FindAsync(deadline).ConfigureAwait(false);
                if (victims.Count == 0 && record is null)
                {
                    return;
                }

                bool done = await EndAsync(victims, last ? record : null, deadline).ConfigureAwait(false);
                begun |= done;
                if (done && last)
                {
                    return;
                }
            }
            catch (StoreUnavailableException e) when (begun)
            {
                throw new EffectUnknownException("Of very many holders some were broken, and others may not have been.", e);
            }
        }
    }

    /// <summary>Those whom nobody blocks and who are not just about to get the lock, and what keeps it closed.</summary>
    /// <returns>As many as one transaction ends, and whether that is all.</returns>
    private Task<(IReadOnlyList<Victim> Victims, bool IsAll)> FindAsync(Deadline deadline) => services.Store.ReadAsync(
        async (client, token) =>
        {
            var seen = new Contenders(await services.Reads.ListAsync(client, directory.Path, latest: true, token).ConfigureAwait(false));
            ContenderName[] all = [.. seen.Holding, .. seen.Closures];
            var found = new List<Victim>();
            int taken = 0;
            foreach (ContenderName[] some in all.Chunk(NodesAtOnce))
            {
                string[] paths = [.. some.Select(contender => directory.Child(contender.Name))];
                NodeData?[] nodes = await services.Reads.GetDataAsync(client, paths, latest: false, token).ConfigureAwait(false);
                for (int i = 0; i < paths.Length; i++)
                {
                    ContenderRecord? holder = nodes[i] is { } read ? ContenderRecord.Parse(read.Data) : null;
                    if (nodes[i] is { } node && (some[i].IsTimed || holder is null))
                    {
                        IReadOnlyList<string> lease = some[i].IsOfMultiLease && holder is not null
                            ? await LeaseAsync(client, paths[i], holder, token).ConfigureAwait(false)
                            : [paths[i]];
                        taken += lease.Count;
                        if (found.Count > 0 && taken > MaxAtOnce)
                        {
                            return ((IReadOnlyList<Victim>)found, false);
                        }

                        found.Add(new Victim(lease, some[i], node.Stat.CreatedZxid, holder?.Owner ?? LockReader.NativeOwner(node), holder));
                    }
                }
            }

            return (found, true);
        },
        deadline);

    /// <summary>
    /// All that are there of the holders that share a lease, first the one that carries it. If that one is missing, the others are nobody's.
    /// </summary>
    private async Task<IReadOnlyList<string>> LeaseAsync(ZooKeeperClient client, string path, ContenderRecord record, CancellationToken token)
    {
        string carrier = LeaseNodes.CarrierOf(path, record);
        NodeData? carrying = (await services.Reads.GetDataAsync(client, [carrier], latest: false, token).ConfigureAwait(false))[0];
        if (carrying is null || ContenderRecord.Parse(carrying.Data) is not { } all)
        {
            return [path];
        }

        IReadOnlyList<string> paths = LeaseNodes.PathsOf(carrier, all);
        NodeData?[] nodes = await services.Reads.GetDataAsync(client, paths, latest: false, token).ConfigureAwait(false);
        return [.. paths.Where((_, i) => nodes[i] is not null)];
    }

    /// <returns>False if one of them had gone, so that nothing was done.</returns>
    private async Task<bool> EndAsync(IReadOnlyList<Victim> victims, OutcomeRecord? withRecord, Deadline deadline)
    {
        Closure[] closures =
            [.. victims.Where(v => v.Name.IsHolder).SelectMany(v => v.Paths.Select(path => Closure.After(path, v.Record!))).OfType<Closure>()];
        var unit = new CommitUnit(directory.Path) { Unclaimed = _ => Conclude(victims, closures) };
        string[] paths = [.. victims.SelectMany(victim => victim.Paths)];
        Ending.Announce(unit, paths, LockEventType.Broken);
        Array.ForEach(paths, path => unit.Delete(path, -1));
        Array.ForEach(closures, closure => closure.AddTo(unit));
        Ending.Withdraw(unit, paths, LockEventType.Broken);
        int companionsAt = unit.Operations.Count;
        withRecord?.AddTo(unit, "{}"u8);
        CommitResult result = await services.Lanes.CommitAsync(unit, deadline, CancellationToken.None).ConfigureAwait(false);
        if (result.Committed)
        {
            Conclude(victims, closures);
            return true;
        }

        if (result.FailedIndex >= companionsAt)
        {
            throw new CompanionRefusedException(result, companionsAt);
        }

        return result.Error == ErrorCode.NoNode
            ? false
            : throw new StoreUnavailableException($"ZooKeeper refuses to break the lock: {result.Error}.");
    }

    private void Conclude(IReadOnlyList<Victim> victims, Closure[] closures)
    {
        foreach (string path in victims.SelectMany(victim => victim.Paths))
        {
            services.Leases.Forget(path);
            services.Free.Note(LeaseNodes.DirectoryOf(path), free: false);
        }

        Array.ForEach(closures, closure => closure.Observe(services.Leases, services.HolderLease));
        services.Metrics.Broken(victims.Count(victim => !victim.Name.IsClosure));
        if (victims.Count > 0)
        {
            string reason = options.Reason is null ? "none given" : Printable(options.Reason);
            Log.Broken(services.Logger, name, Printable(options.Caller), reason, Describe(victims));
        }
    }

    private static string Describe(IReadOnlyList<Victim> victims)
    {
        IEnumerable<string> named = victims.Take(MaxNamed).Select(v => string.Create(
            CultureInfo.InvariantCulture,
            $"{(v.Name.IsClosure ? "closed after " : "")}'{Printable(v.Owner)}' ({v.Name.Mode.ToString().ToLowerInvariant()}, token {v.Token})"));
        string all = string.Join(", ", named);
        return victims.Count <= MaxNamed ? all : string.Create(CultureInfo.InvariantCulture, $"{all} and {victims.Count - MaxNamed} more");
    }

    /// <summary>One line stays one line, whatever callers have called themselves.</summary>
    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));

    /// <param name="Paths">The node, or all that share the lease with it.</param>
    /// <param name="Name">Its name.</param>
    /// <param name="Token">Its creation.</param>
    /// <param name="Owner">Whose it is.</param>
    /// <param name="Record">Its data; null for a native client's.</param>
    private sealed record Victim(IReadOnlyList<string> Paths, ContenderName Name, long Token, string Owner, ContenderRecord? Record);

    private static partial class Log
    {
        [LoggerMessage(50, LogLevel.Warning, "The lock '{Name}' was broken by {Caller}, reason: {Reason}; it was held by {Holders}")]
        internal static partial void Broken(ILogger logger, string name, string caller, string reason, string holders);
    }
}
