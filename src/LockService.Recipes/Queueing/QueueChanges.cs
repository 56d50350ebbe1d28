using System.Globalization;
using System.Security.Cryptography;
using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>Changes of a queue as a whole: its settings, its dead letters, its end.</summary>
internal sealed class QueueChanges(LocalQueue queue, QueueServices services, DeliveryMoves moves)
{
    /// <summary>Dead letters put back in one unit; four operations each.</summary>
    private const int RedrivenAtOnce = 45;

    /// <summary>Sets the settings; makes the queue if it does not exist.</summary>
    internal async Task<KeyedAnswer<bool>> SetAsync(QueueSettings settings, OutcomeRecord? record, Deadline deadline, CancellationToken cancellation)
    {
        while (true)
        {
            KnownTail? tail = await queue.FindAsync(deadline).ConfigureAwait(false);
            QueueTree tree = tail?.Tree ?? new QueueTree(
                queue.Root, queue.Name, RandomNumberGenerator.GetHexString(QueueTree.LifeLength, lowercase: true));
            TailRecord after = (tail?.Record ?? new TailRecord()) with { Settings = settings };
            var unit = new CommitUnit(tree.Pointer);
            if (tail is null)
            {
                tree.AddCreation(unit, after.ToBytes());
            }
            else
            {
                unit.SetData(tree.Tail, after.ToBytes(), tail.Version);
            }

            record?.AddTo(unit, QueueOutcome.Of([]));
            CommitResult result = await services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
            if (result.Committed)
            {
                queue.Learn(new KnownTail(tree, tail is null ? 0 : tail.Version + 1, after));
                return KeyedAnswer.Done(true);
            }

            if (record?.Refused(unit, result) == true)
            {
                return KeyedAnswer.Collided<bool>();
            }

            if (tail is null && result is { Error: ErrorCode.NoNode, FailedIndex: <= 1 })
            {
                await queue.EnsureParentsAsync(deadline).ConfigureAwait(false);
            }
            else if (result.Error is not (ErrorCode.BadVersion or ErrorCode.NoNode or ErrorCode.NodeExists))
            {
                throw new StoreUnavailableException($"ZooKeeper refuses the settings: {result.Error}.");
            }
        }
    }

    /// <summary>Ends the queue's life: from then on there is no such queue, whatever remains of it is removed piece by piece.</summary>
    /// <returns>Whether there was one.</returns>
    internal async Task<KeyedAnswer<bool>> RemoveAsync(OutcomeRecord? record, Deadline deadline, CancellationToken cancellation)
    {
        while (await queue.FindAsync(deadline).ConfigureAwait(false) is { } tail)
        {
            // The tail is that of this life only, so that it proves that the pointer still points to it.
            CommitUnit unit = new CommitUnit(tail.Tree.Pointer).Delete(tail.Tree.Tail, -1).Delete(tail.Tree.Pointer, -1);
            record?.AddTo(unit, QueueOutcome.Of([]));
            CommitResult result = await services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
            if (result.Committed)
            {
                queue.Forget(tail);
                _ = new BacklogRemoval(services).RunInBackgroundAsync(tail.Tree);
                return KeyedAnswer.Done(true);
            }

            if (record?.Refused(unit, result) == true)
            {
                return KeyedAnswer.Collided<bool>();
            }

            if (result.Error != ErrorCode.NoNode)
            {
                throw new StoreUnavailableException($"ZooKeeper refuses to remove the queue: {result.Error}.");
            }
        }

        return KeyedAnswer.Refused(false);
    }

    /// <summary>Makes dead letters ready again, at their old places and as if never delivered, in units of bounded size.</summary>
    /// <param name="max">The most dead letters, the first ones first.</param>
    /// <param name="record">Created with the last of them.</param>
    /// <param name="cancellation">Stops; what is back stays so.</param>
    /// <returns>How many; null if there is no such queue.</returns>
    internal async Task<KeyedAnswer<long?>> RedriveAsync(long max, OutcomeRecord? record, CancellationToken cancellation)
    {
        if (await queue.FindAsync(services.Lanes.NewDeadline()).ConfigureAwait(false) is not { } tail)
        {
            return KeyedAnswer.Refused<long?>(null);
        }

        long done = 0;
        DeliveryMove[] last = [];
        SegmentName[] segments = await services.Store.ReadAsync(
            (client, token) => SegmentReader.ListAsync(client, tail.Tree, Shelf.Dead, token), cancellation).ConfigureAwait(false);
        foreach (SegmentName segment in segments.OrderByDescending(segment => segment.Priority).ThenBy(segment => segment.Index))
        {
            List<DeliveryMove> found = await FindDeadAsync(tail.Tree, segment, cancellation).ConfigureAwait(false);
            foreach (DeliveryMove[] some in found.Take((int)Math.Min(found.Count, max - done - last.Length)).Chunk(RedrivenAtOnce))
            {
                if (last.Length > 0 && await moves.TryMoveAsync(tail.Tree, last, cancellation).ConfigureAwait(false) == Effect.Done)
                {
                    done += last.Length;
                }

                last = some;
            }
        }

        if (last.Length == 0)
        {
            return KeyedAnswer.Refused<long?>(0);
        }

        // The record belongs to the last of them: whoever asks again before that gets the rest done.
        byte[] outcome = QueueOutcome.Of([string.Create(CultureInfo.InvariantCulture, $"{done + last.Length}")]);
        return await moves.TryMoveAsync(tail.Tree, last, record, outcome, cancellation).ConfigureAwait(false) switch
        {
            Effect.Done => KeyedAnswer.Done<long?>(done + last.Length),
            Effect.Collided => KeyedAnswer.Collided<long?>(),
            _ => KeyedAnswer.Refused<long?>(done),
        };
    }

    private async Task<List<DeliveryMove>> FindDeadAsync(QueueTree tree, SegmentName segment, CancellationToken cancellation) =>
        await services.Store.ReadAsync(
            async (client, token) =>
            {
                NodeChildren? marks = await client.GetChildrenAsync(tree.Segment(Shelf.Dead, segment), token).ConfigureAwait(false);
                MessageName[] names = [.. (marks?.Names ?? []).Select(name => MessageName.Parse(name)).OfType<MessageName>().OrderBy(name => name.Number)];
                var batch = new ReadBatch();
                Array.ForEach(names, name => batch.GetData(tree.Delivery(name)));
                ReadBatchResult read = await client.ReadAsync(batch, token).ConfigureAwait(false);
                var found = new List<DeliveryMove>();
                for (int i = 0; i < names.Length; i++)
                {
                    if (read.Data(i) is { } node && DeliveryRecord.Parse(node.Data) is { State: DeliveryState.Dead } record)
                    {
                        found.Add(new DeliveryMove(names[i], node.Stat.Version, record, new DeliveryRecord { State = DeliveryState.Returned }));
                    }
                }

                return found;
            },
            cancellation).ConfigureAwait(false);
}
