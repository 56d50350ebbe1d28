using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>Ends a lease on several locks, all at one moment. Whoever waits for one of them in this instance hears of it and looks for himself.</summary>
internal sealed class MultiRelease(LockServices services, string path, IReadOnlyList<UnitOperation>? companions)
{
    /// <returns>False if the lease had ended before.</returns>
    internal async Task<bool> RunAsync()
    {
        Deadline deadline = services.Lanes.NewDeadline();
        ContenderRecord? record = services.Leases.Known(path) is (_, HeldLock held) ? held.Record : await ReadAsync(deadline).ConfigureAwait(false);
        if (record?.Members is null)
        {
            return false;
        }

        IReadOnlyList<string> paths = LeaseNodes.PathsOf(path, record);
        CommitResult result = await LeaseNodes
            .EndAsync(services.Lanes, paths, -1, reason: null, [], companions, () => services.Leases.Forget(path), deadline).ConfigureAwait(false);
        // Only a missing node proves that the lease has ended.
        if (!result.Committed && result.Error != ErrorCode.NoNode)
        {
            throw new StoreUnavailableException($"ZooKeeper refuses to release the locks: {result.Error}.");
        }

        services.Leases.Forget(path);
        foreach (string holder in result.Committed ? paths : [])
        {
            string directory = LeaseNodes.DirectoryOf(holder);
            LockLine? line = services.Lines.Find(directory);
            line?.Grant([], released: holder[(directory.Length + 1)..], result.Zxid);
            services.Free.Note(directory, free: line is null);
        }

        return result.Committed;
    }

    private async Task<ContenderRecord?> ReadAsync(Deadline deadline)
    {
        NodeData? node = await services.Store.ReadAsync(
            async (client, token) => (await services.Reads.GetDataAsync(client, [path], latest: true, token).ConfigureAwait(false))[0],
            deadline).ConfigureAwait(false);
        return node is null ? null : ContenderRecord.Parse(node.Data);
    }
}
