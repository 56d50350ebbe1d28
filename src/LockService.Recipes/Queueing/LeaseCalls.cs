using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// What holders of leases do with them: acknowledge, give back, extend. All leases of a call that still hold their messages are served in one
/// unit; the others are told to be lost.
/// </summary>
internal sealed class LeaseCalls(LocalQueue queue, QueueServices services, DeliveryMoves moves)
{
    /// <summary>Serves a call.</summary>
    /// <param name="leaseIds">The leases.</param>
    /// <param name="next">What becomes of a message; null to remove it.</param>
    /// <param name="record">What is created along with it; null for nothing.</param>
    /// <param name="deadline">By when it must be done.</param>
    /// <param name="cancellation">Gives up waiting for the answer.</param>
    /// <returns>The leases that were lost before, in the order given.</returns>
    internal async Task<KeyedAnswer<IReadOnlyList<string>>> ServeAsync(
        IReadOnlyList<string> leaseIds,
        Func<DeliveryRecord, QueueSettings, DeliveryRecord?> next,
        OutcomeRecord? record,
        Deadline deadline,
        CancellationToken cancellation)
    {
        DeliveryId[] wanted = [.. leaseIds.Select(DeliveryId.Parse).OfType<DeliveryId>().Distinct()];
        bool trusting = true;
        while (true)
        {
            KnownTail? tail = wanted.Length == 0 ? null : await FindAsync(wanted, deadline).ConfigureAwait(false);
            IReadOnlyDictionary<DeliveryId, HeldDelivery> held = tail is null
                ? new Dictionary<DeliveryId, HeldDelivery>()
                : await FindHeldAsync(tail.Tree, wanted, trusting, deadline).ConfigureAwait(false);
            IReadOnlyList<string> lost = [.. leaseIds.Where(leaseId => DeliveryId.Parse(leaseId) is not { } id || !held.ContainsKey(id))];
            if (held.Count == 0)
            {
                return KeyedAnswer.Refused(lost);
            }

            switch (await TryAsync(tail!, held, next, lost, record, deadline, cancellation).ConfigureAwait(false))
            {
                case Effect.Done:
                    return KeyedAnswer.Done(lost);
                case Effect.Collided:
                    return KeyedAnswer.Collided<IReadOnlyList<string>>();
            }

            // One of the leases has ended.
            trusting = false;
        }
    }

    /// <summary>Which of the leases still hold their messages. Those that are known to are not read.</summary>
    /// <param name="tree">The queue.</param>
    /// <param name="wanted">The leases.</param>
    /// <param name="trusting">Whether what is known is enough; a condition must prove it.</param>
    /// <param name="deadline">By when it must be done.</param>
    internal async Task<IReadOnlyDictionary<DeliveryId, HeldDelivery>> FindHeldAsync(
        QueueTree tree, IReadOnlyList<DeliveryId> wanted, bool trusting, Deadline deadline)
    {
        var held = new Dictionary<DeliveryId, HeldDelivery>();
        var unknown = new List<DeliveryId>();
        foreach (DeliveryId id in wanted.Where(id => id.Life == tree.Life))
        {
            if (trusting && services.Leases.Known(tree.Delivery(id.Message)) is { Content: DeliveryRecord record } known && record.Secret == id.Secret)
            {
                held.Add(id, new HeldDelivery(known.Version, record));
            }
            else
            {
                unknown.Add(id);
            }
        }

        if (unknown.Count == 0)
        {
            return held;
        }

        ReadBatchResult read = await services.Store.ReadAsync((client, token) => ReadAsync(client, tree, unknown, token), deadline).ConfigureAwait(false);
        for (int i = 0; i < unknown.Count; i++)
        {
            if (read.Data(i) is { } node && DeliveryRecord.Parse(node.Data) is { State: DeliveryState.Leased } record && record.Secret == unknown[i].Secret)
            {
                held.Add(unknown[i], new HeldDelivery(node.Stat.Version, record));
            }
        }

        return held;
    }

    /// <summary>The queue, if it has the life that a lease was granted in. One that is known is not looked up: the unit proves that it is there.</summary>
    private async Task<KnownTail?> FindAsync(DeliveryId[] wanted, Deadline deadline) =>
        queue.Tail is { } known && Array.Exists(wanted, id => id.Life == known.Tree.Life)
            ? known
            : await queue.FindAsync(deadline).ConfigureAwait(false);

    private static async Task<ReadBatchResult> ReadAsync(
        ZooKeeperClient client, QueueTree tree, List<DeliveryId> ids, CancellationToken cancellation)
    {
        var batch = new ReadBatch();
        ids.ForEach(id => batch.GetData(tree.Delivery(id.Message)));
        Task sync = client.SyncAsync(tree.Tail, cancellation);
        Task<ReadBatchResult> read = client.ReadAsync(batch, cancellation);
        await Task.WhenAll(sync, read).ConfigureAwait(false);
        return await read.ConfigureAwait(false);
    }

    private async Task<Effect> TryAsync(
        KnownTail tail,
        IReadOnlyDictionary<DeliveryId, HeldDelivery> held,
        Func<DeliveryRecord, QueueSettings, DeliveryRecord?> next,
        IReadOnlyList<string> lost,
        OutcomeRecord? record,
        Deadline deadline,
        CancellationToken cancellation)
    {
        CommitUnit unit = tail.Tree.NewUnit();
        var made = new List<DeliveryMove>();
        foreach ((DeliveryId id, HeldDelivery delivery) in held)
        {
            if (next(delivery.Record, tail.Record.Settings) is { } to)
            {
                made.Add(new DeliveryMove(id.Message, delivery.Version, delivery.Record, to));
                moves.Add(unit, tail.Tree, made[^1]);
            }
            else
            {
                unit.Delete(tail.Tree.Delivery(id.Message), delivery.Version).Delete(tail.Tree.Message(id.Message), -1);
            }
        }

        record?.AddTo(unit, QueueOutcome.Of(lost));
        CommitResult result = await services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
        if (result.Committed)
        {
            services.Segments.Learn(unit);
            moves.TakeIn(tail.Tree, made);
            foreach (DeliveryId id in made.Count == 0 ? held.Keys : [])
            {
                services.Leases.Forget(tail.Tree.Delivery(id.Message));
            }

            return Effect.Done;
        }

        if (record?.Refused(unit, result) == true)
        {
            return Effect.Collided;
        }

        if (result is { Error: ErrorCode.NoNode, FailedIndex: 0 })
        {
            queue.Forget(tail);
        }

        return services.Segments.Explain(unit, result) || result.Error is ErrorCode.BadVersion or ErrorCode.NoNode
            ? Effect.Refused
            : throw new StoreUnavailableException($"ZooKeeper refuses the change of a lease: {result.Error}.");
    }
}

/// <summary>A lease that holds its message.</summary>
/// <param name="Version">The version of the delivery's node.</param>
/// <param name="Record">Its data.</param>
internal readonly record struct HeldDelivery(int Version, DeliveryRecord Record);
