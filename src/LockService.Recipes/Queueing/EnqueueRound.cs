using System.Security.Cryptography;
using LockService.Recipes.Commit;

namespace LockService.Recipes.Queueing;

/// <summary>Requests that are to be carried out in one unit, with the numbers that their messages get if the tail is still the one known.</summary>
internal sealed class EnqueueRound
{
    private readonly IReadOnlyList<EnqueueCall> _calls;
    private readonly KnownTail? _tail;
    private readonly long[] _next;
    private readonly List<EnqueuedMessage> _messages = [];

    private EnqueueRound(KnownTail? tail, QueueTree tree, IReadOnlyList<EnqueueCall> calls)
    {
        _tail = tail;
        _calls = calls;
        Tree = tree;
        _next = [.. (tail?.Record ?? new TailRecord()).Next];
        Unit = new CommitUnit(tree.Pointer);
    }

    internal QueueTree Tree { get; }

    internal CommitUnit Unit { get; }

    /// <summary>The messages in their order; those of one priority have numbers without gaps.</summary>
    internal IReadOnlyList<EnqueuedMessage> Messages => _messages;

    /// <summary>Whether the unit makes the queue.</summary>
    internal bool Creates => _tail is null;

    /// <summary>The tail after it.</summary>
    internal KnownTail After => new(Tree, _tail is null ? 0 : _tail.Version + 1, RecordAfter);

    private TailRecord RecordAfter => (_tail?.Record ?? new TailRecord()) with { Next = _next };

    /// <param name="queue">The queue.</param>
    /// <param name="tail">Its tail; null if it does not exist.</param>
    /// <param name="calls">The requests in the order of their arrival.</param>
    /// <param name="segments">The segments that need not be made.</param>
    /// <param name="now">The shared time.</param>
    internal static EnqueueRound Build(LocalQueue queue, KnownTail? tail, IReadOnlyList<EnqueueCall> calls, KnownSegments segments, long now)
    {
        QueueTree tree = tail?.Tree ?? new QueueTree(
            queue.Root, queue.Name, RandomNumberGenerator.GetHexString(QueueTree.LifeLength, lowercase: true));
        var round = new EnqueueRound(tail, tree, calls);
        foreach (EnqueueCall call in calls)
        {
            call.Ids = [.. call.Messages.Select(message => round.Number(message, now))];
        }

        round.Fill(segments, now);
        return round;
    }

    private string Number(NewMessage message, long now)
    {
        long expiresAt = message.TimeToLive is { } life ? now + (long)life.TotalMilliseconds : 0;
        var name = new MessageName(message.Priority, _next[message.Priority]++, expiresAt);
        _messages.Add(new EnqueuedMessage(name, message.Body, message.Delay));
        return DeliveryId.MessageId(Tree.Life, name);
    }

    private void Fill(KnownSegments segments, long now)
    {
        if (_tail is null)
        {
            Tree.AddCreation(Unit, RecordAfter.ToBytes());
        }
        else
        {
            Unit.SetData(Tree.Tail, RecordAfter.ToBytes(), _tail.Version);
        }

        foreach (EnqueuedMessage message in _messages)
        {
            segments.AddCreation(Unit, Tree, Shelf.Messages, message.Name, message.Body);
            if (message.Delay > TimeSpan.Zero)
            {
                DeliveryRecord delayed = DeliveryMoves.Delayed(new DeliveryRecord(), message.Delay, now);
                segments.AddCreation(Unit, Tree, Shelf.Deliveries, message.Name, delayed.ToBytes());
                segments.AddCreation(Unit, Tree, Shelf.Delayed, message.Name, default);
            }
        }

        foreach (EnqueueCall call in _calls)
        {
            call.Record?.AddTo(Unit, QueueOutcome.Of(call.Ids));
        }
    }
}

/// <summary>A message with its name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Body">The body.</param>
/// <param name="Delay">How long it is to be hidden.</param>
internal sealed record EnqueuedMessage(MessageName Name, ReadOnlyMemory<byte> Body, TimeSpan Delay);
