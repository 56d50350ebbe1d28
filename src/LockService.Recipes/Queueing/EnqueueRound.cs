using System.Security.Cryptography;
using LockService.Recipes.Commit;

namespace LockService.Recipes.Queueing;

/// <summary>Requests that are to be carried out in one unit, with the numbers that their messages get if the tail is still the one known.</summary>
internal sealed class EnqueueRound
{
    private readonly IReadOnlyList<EnqueueCall> _calls;
    private readonly KnownTail? _tail;
    private readonly long[] _next;
    private readonly long _now;
    private readonly Dictionary<string, (EnqueueCall Call, int Index, string Id)> _keys = [];
    private readonly List<EnqueuedMessage> _messages = [];

    private EnqueueRound(KnownTail? tail, QueueTree tree, IReadOnlyList<EnqueueCall> calls, long now)
    {
        _tail = tail;
        _calls = calls;
        _now = now;
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
        var round = new EnqueueRound(tail, tree, calls, now);
        foreach (EnqueueCall call in calls)
        {
            round.Number(call);
        }

        round.Fill(segments);
        return round;
    }

    /// <summary>Whose message has the key whose node is at a path; null if none of them has.</summary>
    internal (EnqueueCall Call, int Index)? KeyAt(string path) => _keys.TryGetValue(path, out (EnqueueCall, int, string) user) ? (user.Item1, user.Item2) : null;

    /// <summary>Gives each message of a call its number, except those that repeat an earlier one.</summary>
    private void Number(EnqueueCall call)
    {
        var ids = new string[call.Messages.Count];
        for (int i = 0; i < ids.Length; i++)
        {
            NewMessage message = call.Messages[i];
            if (call.Duplicates.TryGetValue(i, out string? earlier))
            {
                ids[i] = earlier;
            }
            else if (message.DeduplicationKey is { } key && _keys.TryGetValue(Deduplication.PathOf(Tree, key).Path, out (EnqueueCall, int, string Id) user))
            {
                ids[i] = user.Id;
            }
            else
            {
                ids[i] = Number(call, i, message);
            }
        }

        call.Ids = ids;
    }

    private string Number(EnqueueCall call, int index, NewMessage message)
    {
        long expiresAt = message.TimeToLive is { } life ? _now + (long)life.TotalMilliseconds : 0;
        var name = new MessageName(message.Priority, _next[message.Priority]++, expiresAt);
        string id = DeliveryId.MessageId(Tree.Life, name);
        _messages.Add(new EnqueuedMessage(name, message.Body, message.Delay));
        if (message.DeduplicationKey is { } key)
        {
            _keys.Add(Deduplication.PathOf(Tree, key).Path, (call, index, id));
        }

        return id;
    }

    private void Fill(KnownSegments segments)
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
                DeliveryRecord delayed = DeliveryMoves.Delayed(new DeliveryRecord(), message.Delay, _now);
                segments.AddCreation(Unit, Tree, Shelf.Deliveries, message.Name, delayed.ToBytes());
                segments.AddCreation(Unit, Tree, Shelf.Delayed, message.Name, default);
            }
        }

        long windowEnd = _now + (long)RecordAfter.Settings.DeduplicationWindow.TotalMilliseconds;
        foreach ((string path, (EnqueueCall call, int index, string id)) in _keys)
        {
            byte[] data = Deduplication.DataOf(id, windowEnd);
            if (call.Outdated.TryGetValue(index, out int version))
            {
                Unit.SetData(path, data, version);
            }
            else
            {
                segments.AddCreation(Unit, path[..path.LastIndexOf('/')], path, data);
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
