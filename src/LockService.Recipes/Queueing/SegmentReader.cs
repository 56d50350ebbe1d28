using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>Finds the next segment of a queue that has ready messages, with few reads however many segments lie in between.</summary>
internal static class SegmentReader
{
    /// <summary>Segments that are simply listed; more are looked at from outside first.</summary>
    private const int Few = 2;

    /// <summary>Segments whose sizes are read at once.</summary>
    private const int Chunk = 100;

    /// <param name="client">The session, which has seen the tail with this next number.</param>
    /// <param name="tree">The queue.</param>
    /// <param name="priority">The priority.</param>
    /// <param name="bound">What is known already: ready messages with lower numbers are not looked for.</param>
    /// <param name="next">The number of the next message; messages with lower numbers were all created.</param>
    /// <param name="cancellation">Gives up.</param>
    internal static async Task<LoadedSegment> LoadNextAsync(
        ZooKeeperClient client, QueueTree tree, int priority, long bound, long next, CancellationToken cancellation)
    {
        SegmentName first = new MessageName(priority, bound, 0).Segment;
        SegmentName last = new MessageName(priority, next - 1, 0).Segment;
        IReadOnlyList<SegmentName> candidates = last.Index - first.Index < Few
            ? [.. Enumerable.Range(0, (int)(last.Index - first.Index) + 1).Select(i => first with { Index = first.Index + i })]
            : await FindAsync(client, tree, first, last, cancellation).ConfigureAwait(false);
        foreach (SegmentName segment in candidates)
        {
            List<ReadyMessage> ready = await LoadAsync(client, tree, segment, cancellation).ConfigureAwait(false);
            if (ready.Count > 0)
            {
                return new LoadedSegment(ready, Math.Max(Math.Min(segment.End, next), ready.Max(message => message.Name.Number) + 1));
            }
        }

        return new LoadedSegment([], candidates.Count == 0 ? next : Math.Min(candidates[^1].End, next));
    }

    /// <summary>
    /// The first segments that have more messages than deliveries that are not back, in order; none if there are none. The sizes of the last
    /// segment say nothing: it may grow between the readings of two of them.
    /// </summary>
    private static async Task<IReadOnlyList<SegmentName>> FindAsync(
        ZooKeeperClient client, QueueTree tree, SegmentName first, SegmentName last, CancellationToken cancellation)
    {
        SegmentName[] segments = await ListAsync(client, tree, Shelf.Messages, cancellation).ConfigureAwait(false);
        foreach (SegmentName[] chunk in segments.Where(segment => segment.Priority == first.Priority && segment.Index >= first.Index).Chunk(Chunk))
        {
            var sizes = new ReadBatch();
            foreach (SegmentName segment in chunk)
            {
                sizes.GetData(tree.Segment(Shelf.Messages, segment)).GetData(tree.Segment(Shelf.Deliveries, segment)).GetData(tree.Segment(Shelf.Returned, segment));
            }

            ReadBatchResult read = await client.ReadAsync(sizes, cancellation).ConfigureAwait(false);
            int SizeAt(int index) => read.Data(index)?.Stat.ChildCount ?? 0;
            SegmentName[] found = [.. chunk.Where((segment, i) => SizeAt(3 * i) - SizeAt((3 * i) + 1) + SizeAt((3 * i) + 2) > 0 || segment.Index >= last.Index)];
            if (found.Length > 0)
            {
                return found;
            }
        }

        return [];
    }

    /// <summary>The segments of a directory in their order.</summary>
    internal static async Task<SegmentName[]> ListAsync(ZooKeeperClient client, QueueTree tree, Shelf shelf, CancellationToken cancellation)
    {
        NodeChildren? listed = await client.GetChildrenAsync(tree.Shelf(shelf), cancellation).ConfigureAwait(false);
        return [.. (listed?.Names ?? []).Select(SegmentName.Parse).OfType<SegmentName>().OrderBy(segment => segment.Priority).ThenBy(segment => segment.Index)];
    }

    /// <summary>The messages of a segment that are ready.</summary>
    internal static async Task<List<ReadyMessage>> LoadAsync(
        ZooKeeperClient client, QueueTree tree, SegmentName segment, CancellationToken cancellation)
    {
        ReadBatch lists = new ReadBatch()
            .GetChildren(tree.Segment(Shelf.Messages, segment))
            .GetChildren(tree.Segment(Shelf.Deliveries, segment))
            .GetChildren(tree.Segment(Shelf.Returned, segment));
        ReadBatchResult read = await client.ReadAsync(lists, cancellation).ConfigureAwait(false);
        IReadOnlyList<MessageName> messages = Names(read.Children(0));
        HashSet<MessageName> delivered = [.. Names(read.Children(1))];
        IReadOnlyList<MessageName> returned = Names(read.Children(2));
        var ready = messages.Where(name => !delivered.Contains(name)).Select(name => new ReadyMessage(name, null, 0)).ToList();
        var records = new ReadBatch();
        foreach (MessageName name in returned)
        {
            records.GetData(tree.Delivery(name));
        }

        ReadBatchResult found = await client.ReadAsync(records, cancellation).ConfigureAwait(false);
        for (int i = 0; i < returned.Count; i++)
        {
            if (found.Data(i) is { } node && DeliveryRecord.Parse(node.Data) is { State: DeliveryState.Returned } record)
            {
                ready.Add(new ReadyMessage(returned[i], node.Stat.Version, record.DeliveryCount));
            }
        }

        return ready;
    }

    private static IReadOnlyList<MessageName> Names(IReadOnlyList<string>? names) =>
        [.. (names ?? []).Select(name => MessageName.Parse(name)).OfType<MessageName>()];
}

/// <summary>What was found in a segment.</summary>
/// <param name="Ready">Its ready messages.</param>
/// <param name="Bound">Below this number, every ready message is known now.</param>
internal sealed record LoadedSegment(IReadOnlyList<ReadyMessage> Ready, long Bound);
