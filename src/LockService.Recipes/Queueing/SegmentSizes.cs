using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>How many nodes each segment of a queue has, by kind: as many reads as segments, whatever is in them. No snapshot.</summary>
internal sealed class SegmentSizes
{
    /// <summary>Segments whose sizes are read at once.</summary>
    private const int Chunk = 500;

    private readonly Dictionary<(Shelf Shelf, SegmentName Segment), int> _sizes = [];

    /// <summary>All segments, in the order in which their messages leave.</summary>
    internal IEnumerable<SegmentName> InOrder =>
        _sizes.Keys.Select(key => key.Segment).Distinct().OrderByDescending(segment => segment.Priority).ThenBy(segment => segment.Index);

    internal static async Task<SegmentSizes> ReadAsync(
        ZooKeeperClient client, QueueTree tree, IReadOnlyList<Shelf> shelves, CancellationToken cancellation)
    {
        var sizes = new SegmentSizes();
        foreach (Shelf shelf in shelves)
        {
            foreach (SegmentName[] chunk in (await SegmentReader.ListAsync(client, tree, shelf, cancellation).ConfigureAwait(false)).Chunk(Chunk))
            {
                var batch = new ReadBatch();
                Array.ForEach(chunk, segment => batch.GetData(tree.Segment(shelf, segment)));
                ReadBatchResult read = await client.ReadAsync(batch, cancellation).ConfigureAwait(false);
                for (int i = 0; i < chunk.Length; i++)
                {
                    sizes._sizes.Add((shelf, chunk[i]), read.Data(i)?.Stat.ChildCount ?? 0);
                }
            }
        }

        return sizes;
    }

    /// <summary>The number of nodes of a kind.</summary>
    internal long Of(Shelf shelf) => _sizes.Where(size => size.Key.Shelf == shelf).Sum(size => (long)size.Value);

    /// <summary>The directories of a segment that exist, and how many nodes are in each.</summary>
    internal IEnumerable<(Shelf Shelf, int Nodes)> Directories(SegmentName segment) =>
        from shelf in Enum.GetValues<Shelf>() where _sizes.ContainsKey((shelf, segment)) select (shelf, _sizes[(shelf, segment)]);

    /// <summary>The number of nodes of a kind in a segment.</summary>
    internal int Of(Shelf shelf, SegmentName segment) => _sizes.GetValueOrDefault((shelf, segment));
}
