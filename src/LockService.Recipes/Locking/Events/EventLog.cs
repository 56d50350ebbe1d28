using System.Globalization;
using System.Security.Cryptography;

namespace LockService.Recipes.Locking.Events;

/// <summary>The latest events of one lock, numbered. Readers keep their own places in it; who is too slow finds that he has missed some.</summary>
internal sealed class EventLog
{
    /// <summary>Events kept: what a reader may be behind, or away for, without missing any.</summary>
    private const int Capacity = 1_024;

    private readonly string _id = RandomNumberGenerator.GetHexString(12, lowercase: true);
    private readonly Lock _gate = new();
    private readonly Queue<LockEvent> _events = new();
    private TaskCompletionSource _grown = NewSignal();
    private long _end;

    /// <summary>The place behind the newest event.</summary>
    internal long End
    {
        get
        {
            lock (_gate)
            {
                return _end;
            }
        }
    }

    internal void Append(LockEvent next)
    {
        TaskCompletionSource grown;
        lock (_gate)
        {
            _events.Enqueue(next with { Id = IdOf(++_end) });
            if (_events.Count > Capacity)
            {
                _events.Dequeue();
            }

            (grown, _grown) = (_grown, NewSignal());
        }

        grown.SetResult();
    }

    /// <summary>The id of the event before a place.</summary>
    internal string IdOf(long place) => string.Create(CultureInfo.InvariantCulture, $"{_id}-{place}");

    /// <summary>The place behind the event of that id; null if it is not one of this log's.</summary>
    internal long? PlaceBehind(string? eventId) =>
        eventId is not null
        && eventId.StartsWith($"{_id}-", StringComparison.Ordinal)
        && long.TryParse(eventId.AsSpan(_id.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long place)
        && place <= End
            ? place
            : null;

    /// <summary>What there is behind a place.</summary>
    /// <returns>The events; null if some of them are not kept any more. And what completes when there are more.</returns>
    internal (IReadOnlyList<LockEvent>? Events, Task Grown) Behind(long place)
    {
        lock (_gate)
        {
            long missing = _end - place;
            return (missing > _events.Count ? null : [.. _events.Skip(_events.Count - (int)missing)], _grown.Task);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
