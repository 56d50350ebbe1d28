namespace LockService.Recipes;

/// <summary>A queue as it was seen.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Settings">Its settings.</param>
public sealed record QueueState(string Name, QueueSettings Settings)
{
    /// <summary>Messages that can be leased.</summary>
    public long Ready { get; init; }

    /// <summary>Messages whose delays are not over.</summary>
    public long Delayed { get; init; }

    /// <summary>Messages on lease.</summary>
    public long Leased { get; init; }

    /// <summary>Messages that were delivered too often.</summary>
    public long DeadLettered { get; init; }

    /// <summary>How long ago the oldest message that is no dead letter was enqueued, by ZooKeeper's wall clock; null if there is none.</summary>
    public TimeSpan? OldestAge { get; init; }
}

/// <summary>What a message in a queue is.</summary>
public enum MessageState
{
    /// <summary>Can be leased.</summary>
    Ready,

    /// <summary>Its delay is not over.</summary>
    Delayed,

    /// <summary>On lease.</summary>
    Leased,

    /// <summary>A dead letter.</summary>
    Dead,
}

/// <summary>Messages of a queue, in the order in which they leave.</summary>
/// <param name="Items">The messages.</param>
/// <param name="Next">Behind which message the next page begins; null if this is the last one.</param>
public sealed record QueuePage(IReadOnlyList<SeenMessage> Items, string? Next);

/// <summary>A message as it was seen in a queue.</summary>
/// <param name="MessageId">Its id.</param>
/// <param name="State">What it is.</param>
/// <param name="Body">The body, UTF-8 JSON.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="DeliveryCount">How often it was delivered.</param>
/// <param name="EnqueuedAt">When it was enqueued, by a server's wall clock; for people to read.</param>
public sealed record SeenMessage(
    string MessageId, MessageState State, ReadOnlyMemory<byte> Body, int Priority, int DeliveryCount, DateTimeOffset EnqueuedAt);
