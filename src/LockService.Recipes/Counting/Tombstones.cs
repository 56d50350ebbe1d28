using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Counting;

/// <summary>
/// Removes the nodes that removed counters leave behind. They must stay while anybody may still send a change that is conditional on a
/// version of before: a node that is made again counts its versions from 0, and would match. So each is watched on the monotonic clock
/// and deleted, on its version, once it was seen unchanged for longer than any cache, any caller's deadline and any session lives.
/// </summary>
internal sealed class Tombstones(string directory, StoreCalls store, CoordinationOptions options, TimeProvider clock)
{
    /// <summary>Caches live 10 s, callers and sessions a minute at most.</summary>
    internal static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);

    /// <summary>Nodes read with one request.</summary>
    private const int BatchSize = 1_000;

    private const int DeletesAtOnce = 200;

    private Dictionary<string, Sighting> _seen = [];
    private long _sweptAt;

    /// <summary>Looks at all of them. Not to be called again before it has ended.</summary>
    internal async Task SweepAsync(CancellationToken cancellation)
    {
        // Another instance swept in between, and a deletion of its may still be under way: only what is seen from now on counts.
        bool isLong = clock.GetElapsedTime(_sweptAt) > options.SweepInterval * 2;
        Dictionary<string, Sighting> before = isLong ? [] : _seen;
        Dictionary<string, Sighting> seen = [];
        List<(string Name, int Version)> due = [];
        NodeChildren? listed = await store.ReadAsync((client, token) => client.GetChildrenAsync(directory, token), cancellation).ConfigureAwait(false);
        foreach (string[] names in (listed?.Names ?? []).Chunk(BatchSize))
        {
            foreach ((string name, Stat stat) in await FindAsync(names, cancellation).ConfigureAwait(false))
            {
                bool unchanged = before.TryGetValue(name, out Sighting known) && known.Zxid == stat.ModifiedZxid;
                Sighting sighting = unchanged ? known : new Sighting(stat.ModifiedZxid, clock.GetTimestamp());
                if (clock.GetElapsedTime(sighting.Since) < Kept)
                {
                    seen.Add(name, sighting);
                }
                else
                {
                    due.Add((name, stat.Version));
                }
            }
        }

        foreach ((string Name, int Version)[] some in due.Chunk(DeletesAtOnce))
        {
            await Task.WhenAll(some.Select(node => DeleteAsync(node.Name, node.Version, cancellation))).ConfigureAwait(false);
        }

        (_seen, _sweptAt) = (seen, clock.GetTimestamp());
    }

    private Task<List<(string Name, Stat Stat)>> FindAsync(string[] names, CancellationToken cancellation) => store.ReadAsync(
        async (client, token) =>
        {
            var batch = new ReadBatch();
            Array.ForEach(names, name => batch.GetData($"{directory}/{name}"));
            ReadBatchResult read = await client.ReadAsync(batch, token).ConfigureAwait(false);
            return names.Index()
                .Where(name => read.Error(name.Index) == ErrorCode.Ok)
                .Select(name => (Name: name.Item, Node: read.Data(name.Index)!))
                .Where(found => IsTombstone(found.Node))
                .Select(found => (found.Name, found.Node.Stat))
                .ToList();
        },
        cancellation);

    /// <summary>
    /// A node that never had data is none: kazoo makes it, once, before it counts. One of version -1 cannot be deleted on any condition.
    /// </summary>
    private static bool IsTombstone(NodeData node) =>
        node.Data.IsEmpty && node.Stat.ChildCount == 0 && node.Stat.ModifiedZxid != node.Stat.CreatedZxid && node.Stat.Version != -1;

    private Task<bool> DeleteAsync(string name, int version, CancellationToken cancellation) => store.ReadAsync(
        async (client, token) =>
        {
            try
            {
                await client.DeleteAsync($"{directory}/{name}", version, token).ConfigureAwait(false);
                return true;
            }
            catch (RequestRefusedException e) when (e.Code is ErrorCode.BadVersion or ErrorCode.NoNode or ErrorCode.NotEmpty)
            {
                // It is in use again, or was deleted by the attempt before.
                return false;
            }
        },
        cancellation);

    /// <summary>A tombstone as it was first seen.</summary>
    private readonly record struct Sighting(long Zxid, long Since);
}
