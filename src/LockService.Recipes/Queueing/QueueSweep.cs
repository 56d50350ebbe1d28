using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Finds the leases and delays of all queues that nobody times: those of an instance that is gone would otherwise end never. What is timed here
/// already costs no more than its name in a listing. Removes what has had its time: messages, keys, segments, what is left of removed queues.
/// </summary>
internal sealed class QueueSweep(QueueServices services, DeliveryMoves moves)
{
    /// <summary>Deliveries read at once.</summary>
    private const int Chunk = 500;

    /// <summary>Segments of a queue that one sweep looks through for messages that have had their time.</summary>
    private const int ExpirySegments = 20;

    /// <summary>By the lives of queues, where the next sweep goes on.</summary>
    private readonly Dictionary<string, int> _cursors = [];

    /// <summary>
    /// Added to what is left of a delay that another instance timed: by so much its idea of the time may have been behind when the delay
    /// began.
    /// </summary>
    private const long MarginMs = 1_000;

    internal async Task SweepAsync(CancellationToken cancellation)
    {
        string backlogs = QueueTree.Backlogs(services.Options.Root);
        NodeChildren? lives = await services.Store.ReadAsync((client, token) => client.GetChildrenAsync(backlogs, token), cancellation).ConfigureAwait(false);
        foreach (string life in lives?.Names ?? [])
        {
            var tree = new QueueTree(services.Options.Root, "", life);
            if (await services.Store.ReadAsync((client, token) => client.GetDataAsync(tree.Tail, token), cancellation).ConfigureAwait(false) is not { } tail)
            {
                _cursors.Remove(life);
                await new BacklogRemoval(services).RunAsync(tree, cancellation).ConfigureAwait(false);
                continue;
            }

            foreach (SegmentName segment in await ListAsync(tree, Shelf.Deliveries, cancellation).ConfigureAwait(false))
            {
                await SweepAsync(tree, segment, cancellation).ConfigureAwait(false);
            }

            await SweepExpiredAsync(tree, cancellation).ConfigureAwait(false);
            if (TailRecord.TryParse(tail.Data) is { } record)
            {
                await SweepFinishedAsync(tree, record, cancellation).ConfigureAwait(false);
            }

            await Deduplication.SweepAsync(services, tree, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Removes messages that have had their time, though nobody asks for messages; a few segments at each sweep, in turn.</summary>
    private async Task SweepExpiredAsync(QueueTree tree, CancellationToken cancellation)
    {
        SegmentName[] all = await ListAsync(tree, Shelf.Messages, cancellation).ConfigureAwait(false);
        int cursor = _cursors.GetValueOrDefault(tree.Life);
        cursor = cursor < all.Length ? cursor : 0;
        foreach (SegmentName segment in all.Skip(cursor).Take(ExpirySegments))
        {
            IReadOnlyList<ReadyMessage> ready = await services.Store.ReadAsync(
                (client, token) => SegmentReader.LoadAsync(client, tree, segment, token), cancellation).ConfigureAwait(false);
            long now = services.Time.Now;
            foreach (ReadyMessage[] expired in ready.Where(message => message.Name.ExpiresAt != 0 && message.Name.ExpiresAt <= now).Chunk(Chunk / 10))
            {
                await moves.ExpireAsync(tree, expired).ConfigureAwait(false);
            }
        }

        _cursors[tree.Life] = cursor + ExpirySegments;
    }

    /// <summary>
    /// Removes the segments whose numbers have all been given away and whose messages have all gone. Nothing is put into them any more: marks and
    /// deliveries need their message.
    /// </summary>
    private async Task SweepFinishedAsync(QueueTree tree, TailRecord tail, CancellationToken cancellation)
    {
        SegmentSizes sizes = await services.Store.ReadAsync(
            (client, token) => SegmentSizes.ReadAsync(client, tree, Enum.GetValues<Shelf>(), token), cancellation).ConfigureAwait(false);
        foreach (SegmentName segment in sizes.InOrder.Where(segment => segment.End <= tail.Next[segment.Priority]))
        {
            (Shelf Shelf, int Nodes)[] directories = [.. sizes.Directories(segment)];
            if (directories.All(directory => directory.Nodes == 0))
            {
                CommitUnit unit = tree.NewUnit();
                Array.ForEach(directories, directory => unit.Delete(tree.Segment(directory.Shelf, segment), -1));

                // Refused if somebody was faster: the next sweep looks anew.
                await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
            }
        }
    }

    private Task<SegmentName[]> ListAsync(QueueTree tree, Shelf shelf, CancellationToken cancellation) =>
        services.Store.ReadAsync((client, token) => SegmentReader.ListAsync(client, tree, shelf, token), cancellation);

    private async Task SweepAsync(QueueTree tree, SegmentName segment, CancellationToken cancellation)
    {
        ReadBatch lists = new ReadBatch()
            .GetChildren(tree.Segment(Shelf.Deliveries, segment))
            .GetChildren(tree.Segment(Shelf.Returned, segment))
            .GetChildren(tree.Segment(Shelf.Dead, segment));
        ReadBatchResult read = await services.Store.ReadAsync((client, token) => client.ReadAsync(lists, token), cancellation).ConfigureAwait(false);
        HashSet<string> others = [.. read.Children(1) ?? [], .. read.Children(2) ?? []];
        IEnumerable<MessageName> untimed = (read.Children(0) ?? [])
            .Where(name => !others.Contains(name))
            .Select(name => MessageName.Parse(name))
            .OfType<MessageName>()
            .Where(name => !services.Leases.IsObserved(tree.Delivery(name)) && !services.Delays.Contains(tree.Delivery(name)));
        foreach (MessageName[] names in untimed.Chunk(Chunk))
        {
            var records = new ReadBatch();
            Array.ForEach(names, name => records.GetData(tree.Delivery(name)));
            ReadBatchResult found = await services.Store.ReadAsync((client, token) => client.ReadAsync(records, token), cancellation).ConfigureAwait(false);
            for (int i = 0; i < names.Length; i++)
            {
                if (found.Data(i) is { } node && DeliveryRecord.Parse(node.Data) is { } record)
                {
                    Time(tree.Delivery(names[i]), node.Stat.Version, record);
                }
            }
        }
    }

    private void Time(string path, int version, DeliveryRecord record)
    {
        switch (record.State)
        {
            case DeliveryState.Leased:
                moves.Observe(path, version, record);
                break;
            case DeliveryState.Delayed when services.Time.IsKnown:
                long left = Math.Clamp(record.DueAt + MarginMs - services.Time.Now, 0, record.LeaseMs);
                services.Delays.Add(path, version, TimeSpan.FromMilliseconds(left));
                break;
        }
    }
}
