using LockService.Recipes.Sessions;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Whether a queue has room. The number of its messages at the last count, dead letters included since they can be put back, and what was
/// enqueued since, which the tail tells, bound it from above; only where that is not enough are the messages counted. A tail that was read
/// before the count, and is still the same when messages are enqueued on its version, proves that nobody has enqueued since.
/// </summary>
internal sealed class QueueLength(LocalQueue queue, QueueServices services)
{
    /// <summary>Counts that were spoilt by others' messages, before one of them is taken as it is.</summary>
    private const int MaxCounts = 5;

    private KnownTail? _countedAt;
    private long _count;

    /// <summary>How many messages can be added for certain, without counting; at least 0.</summary>
    internal long KnownRoom(KnownTail tail) => _countedAt?.Tree.Life == tail.Tree.Life ? Math.Max(0, Room(tail, _count)) : 0;

    /// <summary>Counts.</summary>
    /// <returns>The tail that the count belongs to, and how many messages can be added now; null if there is no such queue.</returns>
    internal async Task<(KnownTail Tail, long Room)?> CountAsync(Deadline deadline)
    {
        KnownTail? before = await queue.FindAsync(deadline).ConfigureAwait(false);
        for (int i = 0; i < MaxCounts && before is not null; i++)
        {
            // Messages first: one that is put back in between is counted, since its mark is gone then.
            SegmentSizes sizes = await services.Store.ReadAsync(
                (client, token) => SegmentSizes.ReadAsync(client, before.Tree, [Shelf.Messages, Shelf.Dead], token), deadline).ConfigureAwait(false);
            KnownTail? after = await queue.FindAsync(deadline).ConfigureAwait(false);
            (_countedAt, _count) = (before, sizes.Of(Shelf.Messages));
            if (after is null)
            {
                return null;
            }

            if (after.Tree == before.Tree && (after.Version == before.Version || i == MaxCounts - 1))
            {
                return (after, Math.Max(0, Room(after, _count - sizes.Of(Shelf.Dead))));
            }

            before = after;
        }

        return null;
    }

    private long Room(KnownTail tail, long counted) =>
        tail.Record.Settings.MaxLength - counted - (tail.Record.Enqueued - _countedAt!.Record.Enqueued);
}
