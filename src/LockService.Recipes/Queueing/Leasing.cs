using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>Leases messages, all or none, and hands them over to those for whom they were taken.</summary>
internal sealed class Leasing(QueueServices services, DeliveryMoves moves)
{
    /// <summary>Bytes of bodies in one answer, unless a single message has more; what is beyond goes back.</summary>
    private const long MaxAnswerBytes = 4 * 1024 * 1024;

    internal async Task<LeasingResult> TryLeaseAsync(KnownTail tail, List<TakenMessage> taken)
    {
        CommitUnit unit = UnitFor(tail.Tree, taken);
        CommitResult result;
        // Messages never change, so that their contents can be read while the leases are on their way.
        Task<Contents> reading = ReadAsync(taken);
        try
        {
            result = await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), CancellationToken.None).ConfigureAwait(false);
        }
        catch (CoordinationException e)
        {
            // Of no concern to those for whom nothing was to be taken.
            taken.ForEach(message => message.For.Fail(e));
            return LeasingResult.Unsettled;
        }

        if (result.Committed)
        {
            services.Segments.Learn(unit);
            taken.ForEach(message => moves.Observe(message.Tree.Delivery(message.Id.Message), message.Version, message.Record));
            HandOver(taken, await reading.ConfigureAwait(false));
            return LeasingResult.Leased;
        }

        if (taken.Find(message => message.For.Record?.Refused(unit, result) == true) is { } repeated)
        {
            repeated.For.Collide();
            return LeasingResult.NotTheirFault;
        }

        if (services.Segments.Explain(unit, result))
        {
            return LeasingResult.NotTheirFault;
        }

        return result.Error switch
        {
            ErrorCode.NoNode when result.FailedIndex == 0 => LeasingResult.QueueRemoved,
            ErrorCode.NoNode or ErrorCode.NodeExists or ErrorCode.BadVersion => LeasingResult.Taken,
            _ => throw new StoreUnavailableException($"ZooKeeper refuses to lease a message: {result.Error}."),
        };
    }

    private CommitUnit UnitFor(QueueTree tree, List<TakenMessage> taken)
    {
        CommitUnit unit = tree.NewUnit(unclaimed: committed => _ = moves.GiveBackAsync(taken.Where(IsForNobody)));
        foreach (TakenMessage message in taken)
        {
            MessageName name = message.Id.Message;
            if (message.Seen.DeliveryVersion is { } version)
            {
                moves.Add(unit, tree, new DeliveryMove(name, version, new DeliveryRecord { State = DeliveryState.Returned }, message.Record));
            }
            else
            {
                services.Segments.AddCreation(unit.Check(tree.Message(name), 0), tree, Shelf.Deliveries, name, message.Record.ToBytes());
            }
        }

        foreach (IGrouping<Taker, TakenMessage> share in taken.GroupBy(message => message.For))
        {
            share.Key.Record?.AddTo(unit, QueueOutcome.Of(share.Select(message => message.Id.ToLeaseId())));
        }

        return unit;
    }

    private async Task<Contents> ReadAsync(List<TakenMessage> taken)
    {
        var found = new Dictionary<MessageName, MessageContent>();
        var missing = new List<TakenMessage>();
        foreach (TakenMessage message in taken)
        {
            if (message.Seen.Content is { } content)
            {
                found.Add(message.Seen.Name, content);
            }
            else
            {
                missing.Add(message);
            }
        }

        if (missing.Count == 0)
        {
            return new Contents(found, null);
        }

        var batch = new ReadBatch();
        missing.ForEach(message => batch.GetData(message.Tree.Message(message.Seen.Name)));
        try
        {
            ReadBatchResult read = await services.Store.ReadAsync((client, token) => client.ReadAsync(batch, token), CancellationToken.None)
                .ConfigureAwait(false);
            for (int i = 0; i < missing.Count; i++)
            {
                if (read.Data(i) is { } node)
                {
                    found.Add(missing[i].Seen.Name, new MessageContent(node.Data, node.Stat.CreatedAt));
                }
            }

            return new Contents(found, null);
        }
        catch (CoordinationException e)
        {
            return new Contents(found, e);
        }
    }

    /// <summary>Answers. Messages for somebody who has left go back.</summary>
    private void HandOver(List<TakenMessage> taken, Contents contents)
    {
        if (contents.Failure is { } failure)
        {
            _ = moves.GiveBackAsync(taken.Where(IsForNobody));
            taken.ForEach(message => message.For.Fail(
                IsForNobody(message) ? failure : new EffectUnknownException("The messages were leased, but could not be read in time.", failure)));
            return;
        }

        foreach (IGrouping<Taker, TakenMessage> share in taken.GroupBy(message => message.For))
        {
            var messages = new List<LeasedMessage>();
            var surplus = new List<TakenMessage>();
            long bytes = 0;
            foreach (TakenMessage message in share)
            {
                // A body is missing only if somebody removed it by hand.
                if (contents.Found.GetValueOrDefault(message.Seen.Name) is { } content)
                {
                    bytes += content.Body.Length;
                    if (bytes > MaxAnswerBytes && messages.Count > 0)
                    {
                        surplus.Add(message);
                    }
                    else
                    {
                        messages.Add(LeasedMessage.Of(message.Id, content, message.Record.DeliveryCount, message.For.Lease));
                    }
                }
            }

            IEnumerable<TakenMessage> back = share.Key.TryGive(messages) ? surplus : share.Where(IsForNobody);
            _ = moves.GiveBackAsync(back);
        }
    }

    /// <summary>Whether nobody can get it once its taker has left. Who has a key may ask again, and is then told of the very same leases.</summary>
    private static bool IsForNobody(TakenMessage message) => message.For.Record is null;

    /// <summary>The contents of messages.</summary>
    /// <param name="Found">Those that were known or read.</param>
    /// <param name="Failure">Why not all could be read; null if they could.</param>
    private sealed record Contents(Dictionary<MessageName, MessageContent> Found, CoordinationException? Failure);
}

/// <summary>What became of an attempt to lease messages.</summary>
internal enum LeasingResult
{
    /// <summary>They are leased, and handed over.</summary>
    Leased,

    /// <summary>Nothing was done: one of them was taken elsewhere, or is gone.</summary>
    Taken,

    /// <summary>Nothing was done: the queue was removed.</summary>
    QueueRemoved,

    /// <summary>Nothing was done, for a reason that lies elsewhere and is dealt with.</summary>
    NotTheirFault,

    /// <summary>Those who wanted them were told that it failed; what was leased all the same goes back by itself.</summary>
    Unsettled,
}
