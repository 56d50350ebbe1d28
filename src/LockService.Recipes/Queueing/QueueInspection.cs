using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>Looks at a queue without changing anything. Sees every change acknowledged before; changes made meanwhile may be seen in part.</summary>
internal sealed class QueueInspection(LocalQueue queue, QueueServices services)
{
    /// <summary>Bytes of bodies in one answer, unless a single message has more.</summary>
    private const long MaxAnswerBytes = 4 * 1024 * 1024;

    private static readonly Shelf[] s_all = Enum.GetValues<Shelf>();

    /// <summary>Counts the queue's messages.</summary>
    /// <returns>Null if there is no such queue.</returns>
    internal Task<QueueState?> ReadStateAsync(CancellationToken cancellation) => services.Store.ReadAsync(
        async (client, token) =>
        {
            if (await queue.FindAsync(client, token).ConfigureAwait(false) is not { } tail)
            {
                return null;
            }

            SegmentSizes sizes = await SegmentSizes.ReadAsync(client, tail.Tree, s_all, token).ConfigureAwait(false);
            long returned = sizes.Of(Shelf.Returned);
            long delayed = sizes.Of(Shelf.Delayed);
            long dead = sizes.Of(Shelf.Dead);
            long deliveries = sizes.Of(Shelf.Deliveries);
            return new QueueState(queue.Name, tail.Record.Settings)
            {
                Ready = Math.Max(0, sizes.Of(Shelf.Messages) - deliveries + returned),
                Delayed = delayed,
                Leased = Math.Max(0, deliveries - returned - delayed - dead),
                DeadLettered = dead,
                OldestAge = await ReadOldestAgeAsync(client, tail.Tree, sizes, token).ConfigureAwait(false),
            };
        },
        cancellation);

    /// <summary>Shows messages in the order in which they leave, without leasing them.</summary>
    /// <param name="state">In which state.</param>
    /// <param name="after">The id of the message behind which to begin; empty to begin at the first.</param>
    /// <param name="limit">The most messages.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null if there is no such queue.</returns>
    internal Task<QueuePage?> PeekAsync(MessageState state, string after, int limit, CancellationToken cancellation) => services.Store.ReadAsync(
        async (client, token) =>
        {
            if (await queue.FindAsync(client, token).ConfigureAwait(false) is not { } tail)
            {
                return null;
            }

            MessageName? last = DeliveryId.MessageOf(tail.Tree.Life, after);
            SegmentSizes sizes = await SegmentSizes.ReadAsync(client, tail.Tree, s_all, token).ConfigureAwait(false);
            var found = new List<SeenMessage>();
            long bytes = 0;
            foreach (SegmentName segment in sizes.InOrder.Where(segment => SizeOf(sizes, segment, state) > 0 && !IsBefore(segment, last)))
            {
                IEnumerable<MessageName> names = (await ListAsync(client, tail.Tree, segment, state, token).ConfigureAwait(false))
                    .Where(name => last is not { } seen || name.Priority != seen.Priority || name.Number > seen.Number)
                    .OrderBy(name => name.Number);
                // One more than asked for tells whether there is a next page.
                foreach (MessageName[] chunk in names.Take(limit + 1 - found.Count).Chunk(20))
                {
                    List<SeenMessage> read = await ReadAsync(client, tail.Tree, chunk, state, token).ConfigureAwait(false);
                    foreach (SeenMessage message in read)
                    {
                        bytes += message.Body.Length;
                        if (found.Count == limit || (bytes > MaxAnswerBytes && found.Count > 0))
                        {
                            return new QueuePage(found, found[^1].MessageId);
                        }

                        found.Add(message);
                    }
                }
            }

            return new QueuePage(found, null);
        },
        cancellation);

    private static bool IsBefore(SegmentName segment, MessageName? last) => last is { } seen
        && (segment.Priority > seen.Priority || (segment.Priority == seen.Priority && segment.Index < seen.Segment.Index));

    private static int SizeOf(SegmentSizes sizes, SegmentName segment, MessageState state) => state switch
    {
        MessageState.Ready => sizes.Of(Shelf.Messages, segment) - sizes.Of(Shelf.Deliveries, segment) + sizes.Of(Shelf.Returned, segment),
        MessageState.Delayed => sizes.Of(Shelf.Delayed, segment),
        MessageState.Dead => sizes.Of(Shelf.Dead, segment),
        _ => sizes.Of(Shelf.Deliveries, segment) - sizes.Of(Shelf.Returned, segment) - sizes.Of(Shelf.Delayed, segment) - sizes.Of(Shelf.Dead, segment),
    };

    /// <summary>The names of the messages of a segment that are in a state.</summary>
    private static async Task<IEnumerable<MessageName>> ListAsync(
        ZooKeeperClient client, QueueTree tree, SegmentName segment, MessageState state, CancellationToken cancellation)
    {
        var batch = new ReadBatch();
        Array.ForEach(s_all, shelf => batch.GetChildren(tree.Segment(shelf, segment)));
        ReadBatchResult read = await client.ReadAsync(batch, cancellation).ConfigureAwait(false);
        HashSet<string> On(Shelf shelf) => [.. read.Children((int)shelf) ?? []];
        HashSet<string> names = state switch
        {
            MessageState.Ready => [.. On(Shelf.Messages).Except(On(Shelf.Deliveries)), .. On(Shelf.Returned)],
            MessageState.Delayed => On(Shelf.Delayed),
            MessageState.Dead => On(Shelf.Dead),
            _ => [.. On(Shelf.Deliveries).Except(On(Shelf.Returned)).Except(On(Shelf.Delayed)).Except(On(Shelf.Dead))],
        };
        return names.Select(name => MessageName.Parse(name)).OfType<MessageName>();
    }

    private static async Task<List<SeenMessage>> ReadAsync(
        ZooKeeperClient client, QueueTree tree, MessageName[] names, MessageState state, CancellationToken cancellation)
    {
        var batch = new ReadBatch();
        Array.ForEach(names, name => batch.GetData(tree.Message(name)).GetData(tree.Delivery(name)));
        ReadBatchResult read = await client.ReadAsync(batch, cancellation).ConfigureAwait(false);
        var messages = new List<SeenMessage>();
        for (int i = 0; i < names.Length; i++)
        {
            if (read.Data(2 * i) is { } message)
            {
                int count = read.Data((2 * i) + 1) is { } delivery && DeliveryRecord.Parse(delivery.Data) is { } record ? record.DeliveryCount : 0;
                messages.Add(new SeenMessage(
                    DeliveryId.MessageId(tree.Life, names[i]),
                    state,
                    message.Data,
                    names[i].Priority,
                    count,
                    DateTimeOffset.FromUnixTimeMilliseconds(message.Stat.CreatedAt)));
            }
        }

        return messages;
    }

    /// <summary>The age of the oldest of the messages that are first among those of their priority.</summary>
    private async Task<TimeSpan?> ReadOldestAgeAsync(ZooKeeperClient client, QueueTree tree, SegmentSizes sizes, CancellationToken cancellation)
    {
        long? oldest = null;
        foreach (IGrouping<int, SegmentName> priority in sizes.InOrder.GroupBy(segment => segment.Priority))
        {
            SegmentName[] filled = [.. priority.Where(segment => sizes.Of(Shelf.Messages, segment) > sizes.Of(Shelf.Dead, segment)).Take(1)];
            foreach (SegmentName segment in filled)
            {
                ReadBatch lists = new ReadBatch().GetChildren(tree.Segment(Shelf.Messages, segment)).GetChildren(tree.Segment(Shelf.Dead, segment));
                ReadBatchResult read = await client.ReadAsync(lists, cancellation).ConfigureAwait(false);
                MessageName[] names =
                [
                    .. (read.Children(0) ?? []).Except(read.Children(1) ?? []).Select(name => MessageName.Parse(name)).OfType<MessageName>()
                        .OrderBy(name => name.Number).Take(1),
                ];
                if (names is [var first] && await client.GetDataAsync(tree.Message(first), cancellation).ConfigureAwait(false) is { } node)
                {
                    oldest = Math.Min(oldest ?? long.MaxValue, node.Stat.CreatedAt);
                }
            }
        }

        return oldest is { } at ? TimeSpan.FromMilliseconds(Math.Max(0, services.Time.WallMs - at)) : null;
    }
}
