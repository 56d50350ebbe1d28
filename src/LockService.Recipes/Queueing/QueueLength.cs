using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Whether a queue has room. The number of its messages at the last count and what was enqueued since, which the tail tells, bound it from above;
/// only where that is not enough are the messages counted. A tail that was read before the count, and is still the same when messages are
/// enqueued on its version, proves that nobody has enqueued since.
/// </summary>
internal sealed class QueueLength(LocalQueue queue, QueueServices services)
{
    /// <summary>Counts that were spoilt by others' messages, before one of them is taken as it is.</summary>
    private const int MaxCounts = 5;

    private KnownTail? _countedAt;
    private long _count;

    /// <summary>How many messages can be added for certain, without counting; at least 0.</summary>
    internal long KnownRoom(KnownTail tail) => _countedAt?.Tree.Life == tail.Tree.Life
        ? Math.Max(0, tail.Record.Settings.MaxLength - _count - (tail.Record.Enqueued - _countedAt.Record.Enqueued))
        : 0;

    /// <summary>Counts.</summary>
    /// <returns>The tail that the count belongs to; null if there is no such queue.</returns>
    internal async Task<KnownTail?> CountAsync(Deadline deadline)
    {
        KnownTail? before = await queue.FindAsync(deadline).ConfigureAwait(false);
        for (int i = 0; i < MaxCounts && before is not null; i++)
        {
            long count = await services.Store.ReadAsync((client, token) => CountAsync(client, before.Tree, token), deadline).ConfigureAwait(false);
            KnownTail? after = await queue.FindAsync(deadline).ConfigureAwait(false);
            (_countedAt, _count) = (before, count);
            if (after is null || after == before || (after.Tree == before.Tree && after.Version == before.Version))
            {
                return after;
            }

            before = after;
        }

        return before;
    }

    private static async Task<long> CountAsync(ZooKeeperClient client, QueueTree tree, CancellationToken cancellation)
    {
        SegmentSizes sizes = await SegmentSizes.ReadAsync(client, tree, [Shelf.Messages, Shelf.Dead], cancellation).ConfigureAwait(false);
        return sizes.Of(Shelf.Messages) - sizes.Of(Shelf.Dead);
    }
}
