using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Leases;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// What can become of a message that was leased or delayed: each move sets its delivery's node on the version known, moves its mark, and, if it
/// makes the message ready, tells those who wait. Leases end by a move, not by the removal of a node.
/// </summary>
internal sealed class DeliveryMoves(QueueServices services) : ILeaseKind
{
    public TimeSpan? ReadTtl(NodeData node) =>
        DeliveryRecord.Parse(node.Data) is { State: DeliveryState.Leased } record ? TimeSpan.FromMilliseconds(record.LeaseMs) : null;

    /// <summary>The lease is over.</summary>
    public Task ExpireAsync(ZooKeeperClient client, string path, NodeData node, CancellationToken cancellation) =>
        EndAsync(client, path, node.Stat.Version, DeliveryState.Leased, cancellation);

    /// <summary>The delay is over.</summary>
    internal Task EndDelayAsync(string path, int version, CancellationToken cancellation) => services.Store.ReadAsync(
        async (client, token) =>
        {
            // A delay can be shorter than the time by which this session's server is behind the one through which it was written.
            Task sync = client.SyncAsync(path, token);
            Task end = EndAsync(client, path, version, DeliveryState.Delayed, token);
            await Task.WhenAll(sync, end).ConfigureAwait(false);
            return true;
        },
        cancellation);

    /// <summary>What a message becomes that was delivered and not acknowledged.</summary>
    internal static DeliveryRecord After(DeliveryRecord leased, QueueSettings settings) => new()
    {
        State = settings.MaxDeliveries > 0 && leased.DeliveryCount >= settings.MaxDeliveries ? DeliveryState.Dead : DeliveryState.Returned,
        DeliveryCount = leased.DeliveryCount,
    };

    /// <summary>The same, hidden for a while; unchanged if the while is nothing.</summary>
    internal static DeliveryRecord Delayed(DeliveryRecord record, TimeSpan delay, long now) => delay == TimeSpan.Zero
        ? record
        : record with { State = DeliveryState.Delayed, LeaseMs = (long)delay.TotalMilliseconds, DueAt = now + (long)delay.TotalMilliseconds };

    /// <summary>Adds a move to a unit.</summary>
    internal void Add(CommitUnit unit, QueueTree tree, DeliveryMove move)
    {
        unit.SetData(tree.Delivery(move.Name), move.To.ToBytes(), move.Version);
        if (move.From.Mark is { } left)
        {
            unit.Delete(tree.Node(left, move.Name), -1);
        }

        if (move.To.Mark is { } mark)
        {
            services.Segments.AddCreation(unit, tree, mark, move.Name, default);
        }

        if (move.To.State == DeliveryState.Returned && !unit.Operations.Any(operation => operation is UnitOperation.SetData set && set.Path == tree.Returns))
        {
            unit.Touch(tree.Returns);
        }
    }

    /// <summary>The moves were made, all in one unit: times what is to be timed, and tells those who wait here.</summary>
    internal void TakeIn(QueueTree tree, IReadOnlyList<DeliveryMove> moves)
    {
        var returned = new List<ReadyMessage>();
        foreach (DeliveryMove move in moves)
        {
            string path = tree.Delivery(move.Name);
            int version = move.Version + 1;
            switch (move.To.State)
            {
                case DeliveryState.Leased:
                    Observe(path, version, move.To);
                    continue;
                case DeliveryState.Delayed:
                    services.Delays.Add(path, version, TimeSpan.FromMilliseconds(move.To.LeaseMs));
                    break;
                case DeliveryState.Returned:
                    returned.Add(new ReadyMessage(move.Name, version, move.To.DeliveryCount));
                    break;
            }

            services.Leases.Forget(path);
        }

        if (returned.Count > 0 && services.Lives.TryGetValue(tree.Life, out LocalQueue? queue))
        {
            queue.Dispenser.Returned(tree.Life, returned);
        }
    }

    /// <summary>Times a lease that was granted or seen.</summary>
    internal void Observe(string path, int version, DeliveryRecord record) =>
        services.Leases.Observe(path, version, TimeSpan.FromMilliseconds(record.LeaseMs), this, record);

    /// <summary>Makes moves, all or none.</summary>
    /// <returns>Refused if one of them is no more possible: whoever was first has decided.</returns>
    internal Task<Effect> TryMoveAsync(QueueTree tree, IReadOnlyList<DeliveryMove> moves, CancellationToken cancellation) =>
        TryMoveAsync(tree, moves, null, [], cancellation);

    /// <summary>Makes moves, and the record of them, all or none.</summary>
    /// <inheritdoc cref="TryMoveAsync(QueueTree, IReadOnlyList{DeliveryMove}, CancellationToken)"/>
    internal async Task<Effect> TryMoveAsync(
        QueueTree tree, IReadOnlyList<DeliveryMove> moves, OutcomeRecord? record, byte[] outcome, CancellationToken cancellation)
    {
        while (true)
        {
            CommitUnit unit = tree.NewUnit();
            foreach (DeliveryMove move in moves)
            {
                Add(unit, tree, move);
            }

            record?.AddTo(unit, outcome);
            CommitResult result = await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
            if (result.Committed)
            {
                services.Segments.Learn(unit);
                TakeIn(tree, moves);
                return Effect.Done;
            }

            if (record?.Refused(unit, result) == true)
            {
                return Effect.Collided;
            }

            if (!services.Segments.Explain(unit, result))
            {
                return result.Error is ErrorCode.BadVersion or ErrorCode.NoNode or ErrorCode.NodeExists
                    ? Effect.Refused
                    : throw new StoreUnavailableException($"ZooKeeper refuses to move a message: {result.Error}.");
            }
        }
    }

    /// <summary>Returns messages that nobody got to see. What cannot be returned now comes back when its lease ends.</summary>
    internal async Task GiveBackAsync(IEnumerable<TakenMessage> messages)
    {
        try
        {
            await Task.WhenAll(messages.GroupBy(message => message.Id.Life).Select(life => TryMoveAsync(
                life.First().Tree,
                [.. life.Select(message => new DeliveryMove(message.Id.Message, message.Version, message.Record, Undelivered(message.Record)))],
                CancellationToken.None))).ConfigureAwait(false);
        }
        catch (CoordinationException)
        {
            // The lease is being timed.
        }
    }

    /// <summary>Removes ready messages that have had their time. Those that somebody leased meanwhile stay.</summary>
    internal async Task ExpireAsync(QueueTree tree, IReadOnlyList<ReadyMessage> messages)
    {
        try
        {
            if (!await TryExpireAsync(tree, messages).ConfigureAwait(false) && messages.Count > 1)
            {
                await Task.WhenAll(messages.Select(message => TryExpireAsync(tree, [message]))).ConfigureAwait(false);
            }
        }
        catch (CoordinationException)
        {
            // Whoever looks at the head of the queue next finds them again.
        }
    }

    private async Task<bool> TryExpireAsync(QueueTree tree, IReadOnlyList<ReadyMessage> messages)
    {
        while (true)
        {
            CommitUnit unit = tree.NewUnit();
            foreach ((MessageName name, int? version, int _, MessageContent? _) in messages)
            {
                if (version is { } known)
                {
                    unit.Delete(tree.Delivery(name), known).Delete(tree.Node(Shelf.Returned, name), -1);
                }
                else
                {
                    // Can be made only if nobody has leased the message, which is all that it is made for.
                    services.Segments.AddCreation(unit, tree, Shelf.Deliveries, name, default);
                    unit.Delete(tree.Delivery(name), -1);
                }

                unit.Delete(tree.Message(name), -1);
            }

            CommitResult result = await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), CancellationToken.None).ConfigureAwait(false);
            if (result.Committed)
            {
                services.Segments.Learn(unit);
            }

            if (result.Committed || !services.Segments.Explain(unit, result))
            {
                return result.Committed;
            }
        }
    }

    private static DeliveryRecord Undelivered(DeliveryRecord leased) =>
        new() { State = DeliveryState.Returned, DeliveryCount = leased.DeliveryCount - 1 };

    private async Task EndAsync(ZooKeeperClient client, string path, int version, DeliveryState state, CancellationToken cancellation)
    {
        (QueueTree tree, MessageName name) = QueueTree.OfDelivery(services.Options.Root, path);
        ReadBatchResult read = await client.ReadAsync(new ReadBatch().GetData(path).GetData(tree.Tail), cancellation).ConfigureAwait(false);
        if (read.Data(0) is { } node && node.Stat.Version == version && read.Data(1) is { } tail
            && DeliveryRecord.Parse(node.Data) is { } record && record.State == state)
        {
            DeliveryRecord to = state == DeliveryState.Leased
                ? After(record, TailRecord.Parse(tail.Data).Settings)
                : new DeliveryRecord { State = DeliveryState.Returned, DeliveryCount = record.DeliveryCount };
            await TryMoveAsync(tree, [new DeliveryMove(name, version, record, to)], cancellation).ConfigureAwait(false);
        }
    }
}

/// <summary>A step in what becomes of a message.</summary>
/// <param name="Name">The message.</param>
/// <param name="Version">The version of its delivery's node before.</param>
/// <param name="From">Its record before.</param>
/// <param name="To">Its record after.</param>
internal readonly record struct DeliveryMove(MessageName Name, int Version, DeliveryRecord From, DeliveryRecord To);
