using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Commit;

/// <summary>
/// The listings that the units of a batch want to see behind it, each once, read in the same round trip: they are sent before the batch is
/// answered, and the server answers a session in order.
/// </summary>
internal sealed class ListingsBehind
{
    private readonly Dictionary<string, int> _indexes = [];
    private readonly ReadBatch _batch = new();

    internal ListingsBehind(IEnumerable<PendingUnit> units)
    {
        foreach (string path in units.Select(unit => unit.Unit.ListBehind).OfType<string>())
        {
            if (_indexes.TryAdd(path, _batch.Count))
            {
                DirectoryListing.AddTo(_batch, path);
            }
        }
    }

    /// <summary>Sends the reads; call right after the batch. The task never fails: what was lost is null.</summary>
    internal async Task<ReadBatchResult?> ReadAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        if (_batch.Count == 0)
        {
            return null;
        }

        try
        {
            return await client.ReadAsync(_batch, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ZooKeeperException or OperationCanceledException)
        {
            // Whoever wanted a listing reads it again: the batch's own outcome does not depend on it.
            return null;
        }
    }

    /// <summary>What the unit asked for; a listing that was refused is as good as lost, since the unit was committed.</summary>
    internal DirectoryListing? Of(CommitUnit unit, ReadBatchResult read)
    {
        try
        {
            return unit.ListBehind is { } path ? DirectoryListing.From(read, _indexes[path]) : null;
        }
        catch (RequestRefusedException)
        {
            // Whoever wanted it reads it again, and is refused then.
            return null;
        }
    }
}
