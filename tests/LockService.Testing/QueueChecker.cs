using System.Collections.Concurrent;

namespace LockService.Testing;

/// <summary>
/// What clients of one queue did and were told, and whether a queue that delivers at least once, in order, and never again after an
/// acknowledgement can have been like that. Bodies are unique. All times are of one monotonic clock.
/// </summary>
/// <remarks>
/// Calls whose outcome is unknown are reported as such: an enqueue may then be there once, a dequeue may have leased anything, an
/// acknowledgement, a giving back or an extension may have happened at any later time.
/// </remarks>
public sealed class QueueChecker(TimeProvider clock)
{
    /// <summary>How long after it was sent a dequeue can still happen of which nobody knows, frozen processes and held up networks included.</summary>
    private static readonly TimeSpan s_longestDoubt = TimeSpan.FromMinutes(2);

    private readonly ConcurrentQueue<Enqueue> _enqueues = new();
    private readonly ConcurrentQueue<Delivery> _deliveries = new();
    private readonly ConcurrentQueue<(long SentAt, int Max)> _perhapsTaken = new();

    /// <summary>The present moment; taken before a call as its begin.</summary>
    public long Now => clock.GetTimestamp();

    /// <summary>Messages so far that were put into the queue, or may have been.</summary>
    public int Enqueues => _enqueues.Count;

    /// <summary>Deliveries so far.</summary>
    public int Deliveries => _deliveries.Count;

    /// <summary>Acknowledgements so far that were answered with success.</summary>
    public int Acknowledgements => _deliveries.Count(delivery => delivery.AcknowledgedAt is not null);

    /// <summary>A producer put a message into the queue, or may have done so.</summary>
    /// <param name="producer">Whose; each waits for an answer before its next call, and its messages of one priority keep their order.</param>
    /// <param name="priority">The message's priority.</param>
    /// <param name="body">The message, unique.</param>
    /// <param name="certain">Whether it was acknowledged.</param>
    public void Enqueued(int producer, int priority, string body, bool certain) =>
        _enqueues.Enqueue(new Enqueue(_enqueues.Count, producer, priority, body, certain));

    /// <summary>A consumer was given a message.</summary>
    /// <param name="body">The message.</param>
    /// <param name="sentAt">When the request was sent: the lease cannot have begun earlier.</param>
    /// <param name="lease">How long it is hidden from others.</param>
    /// <param name="deliveryCount">What was said about how often it was delivered.</param>
    public Delivery Delivered(string body, long sentAt, TimeSpan lease, int deliveryCount)
    {
        var delivery = new Delivery { Body = body, SentAt = sentAt, ToldAt = Now, Lease = lease, DeliveryCount = deliveryCount, HeldUntil = sentAt + Ticks(lease), PromisedUntil = sentAt + Ticks(lease) };
        _deliveries.Enqueue(delivery);
        return delivery;
    }

    /// <summary>The lease was extended for certain.</summary>
    public void Extended(Delivery delivery, long sentAt, TimeSpan lease)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        delivery.HeldUntil = Math.Max(delivery.HeldUntil, sentAt + Ticks(lease));
        delivery.PromisedUntil = delivery.HeldUntil;
    }

    /// <summary>The message is being given back, or acknowledged: from the sending on it is not certain that it is still held.</summary>
    public void LettingGo(Delivery delivery)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        delivery.HeldUntil = Math.Min(delivery.HeldUntil, Now);
    }

    /// <summary>The acknowledgement was answered with success.</summary>
    public void Acknowledged(Delivery delivery)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        delivery.AcknowledgedAt = Now;
    }

    /// <summary>The first attempt to let go of the message was refused: the lease had ended.</summary>
    public void Refused(Delivery delivery)
    {
        ArgumentNullException.ThrowIfNull(delivery);
        delivery.WasLostEarly |= Now < delivery.PromisedUntil;
    }

    /// <summary>A dequeue's outcome is open: it may have taken messages that nobody was told of, and that came back behind others.</summary>
    /// <param name="max">How many it asked for.</param>
    /// <param name="sentAt">When it was sent: it cannot have taken anything earlier.</param>
    public void DequeueDoubtful(int max, long sentAt) => _perhapsTaken.Enqueue((sentAt, max));

    /// <summary>Everything that is wrong, once the queue was drained; empty if nothing is.</summary>
    public IReadOnlyList<string> Violations()
    {
        var violations = new List<string>();
        ILookup<string, Delivery> deliveries = _deliveries.OrderBy(delivery => delivery.ToldAt).ToLookup(delivery => delivery.Body);
        Dictionary<string, Enqueue> enqueues = _enqueues.ToDictionary(enqueue => enqueue.Body);
        violations.AddRange(enqueues.Values.Where(enqueue => enqueue.IsCertain && !deliveries.Contains(enqueue.Body)).Select(enqueue => $"lost: {enqueue.Body}"));
        violations.AddRange(deliveries.Where(message => !enqueues.ContainsKey(message.Key)).Select(message => $"never enqueued: {message.Key}"));
        foreach (IGrouping<string, Delivery> message in deliveries)
        {
            CheckMessage(message.Key, [.. message], violations);
        }

        CheckOrder(enqueues, deliveries, violations);
        return violations;
    }

    private static void CheckMessage(string body, Delivery[] deliveries, List<string> violations)
    {
        foreach (Delivery acknowledged in deliveries.Where(delivery => delivery.AcknowledgedAt is not null))
        {
            violations.AddRange(deliveries.Where(other => other.SentAt > acknowledged.AcknowledgedAt).Select(_ => $"delivered after its acknowledgement: {body}"));
        }

        if (deliveries.Count(delivery => delivery.AcknowledgedAt is not null) > 1)
        {
            violations.Add($"acknowledged twice: {body}");
        }

        if (!deliveries.Any(delivery => delivery.AcknowledgedAt is not null || delivery.IsDoubtful))
        {
            violations.Add($"never acknowledged, but gone: {body}");
        }

        violations.AddRange(deliveries.Where(delivery => delivery.WasLostEarly).Select(_ => $"lost before its lease had ended: {body}"));
        for (int i = 1; i < deliveries.Length; i++)
        {
            // Whoever was told first held it at least until his lease, counted from his request, was over.
            if (deliveries[..i].Any(earlier => deliveries[i].ToldAt < earlier.HeldUntil))
            {
                violations.Add($"delivered again before its lease had ended: {body}");
            }
        }

        if (deliveries.Length > deliveries.Max(delivery => delivery.DeliveryCount) || deliveries.Select(delivery => delivery.DeliveryCount).Distinct().Count() < deliveries.Length)
        {
            violations.Add($"delivery counts {string.Join(',', deliveries.Select(delivery => delivery.DeliveryCount))}: {body}");
        }
    }

    /// <summary>
    /// Of two messages of one producer and priority, the later one must not be told to anybody before somebody begins to ask who then gets the
    /// earlier one for the first time.
    /// </summary>
    private void CheckOrder(Dictionary<string, Enqueue> enqueues, ILookup<string, Delivery> deliveries, List<string> violations)
    {
        var overtaken = new List<(long LaterTold, string Body)>();
        foreach (IGrouping<(int, int), Enqueue> line in enqueues.Values.GroupBy(enqueue => (enqueue.Producer, enqueue.Priority)))
        {
            long laterTold = long.MaxValue;
            foreach (Enqueue enqueue in line.OrderByDescending(enqueue => enqueue.Index))
            {
                if (deliveries[enqueue.Body].FirstOrDefault(delivery => delivery.DeliveryCount == 1) is { } first)
                {
                    if (first.SentAt > laterTold)
                    {
                        overtaken.Add((laterTold, enqueue.Body));
                    }

                    laterTold = Math.Min(laterTold, first.ToldAt);
                }
            }
        }

        // What was taken for nobody goes back as if never delivered, and is told of later than what was behind it.
        violations.AddRange(Unexplained(overtaken).Select(body => $"overtaken: {body}"));
    }

    /// <summary>Those for whom no dequeue is left that may have had them when others left before them.</summary>
    private IEnumerable<string> Unexplained(IEnumerable<(long LaterTold, string Body)> overtaken)
    {
        var doubts = new Queue<long>(_perhapsTaken.OrderBy(doubt => doubt.SentAt).SelectMany(doubt => Enumerable.Repeat(doubt.SentAt, doubt.Max)));
        foreach ((long laterTold, string body) in overtaken.Order())
        {
            while (doubts.TryPeek(out long sentAt) && sentAt + Ticks(s_longestDoubt) < laterTold)
            {
                doubts.Dequeue();
            }

            if (!doubts.TryPeek(out long first) || first > laterTold)
            {
                yield return body;
            }
            else
            {
                doubts.Dequeue();
            }
        }
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * clock.TimestampFrequency);

    /// <summary>A message that a consumer was given.</summary>
    public sealed class Delivery
    {
        /// <summary>The message.</summary>
        public string Body { get; internal init; } = "";

        internal long SentAt { get; init; }

        internal long ToldAt { get; init; }

        internal TimeSpan Lease { get; init; }

        internal int DeliveryCount { get; init; }

        internal long HeldUntil { get; set; }

        internal long? AcknowledgedAt { get; set; }

        internal long PromisedUntil { get; set; }

        internal bool WasLostEarly { get; set; }

        /// <summary>Whether the outcome of an acknowledgement is open.</summary>
        public bool IsDoubtful { get; set; }
    }

    private sealed record Enqueue(int Index, int Producer, int Priority, string Body, bool IsCertain);
}
