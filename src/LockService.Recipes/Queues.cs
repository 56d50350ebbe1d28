namespace LockService.Recipes;

/// <summary>Placeholder of the queue recipe's public surface.</summary>
public sealed class Queues
{
    /// <summary>Appends messages, all or none, in the order given.</summary>
    /// <param name="name">The queue; it is created if it does not exist.</param>
    /// <param name="bodies">1 to 100 bodies, UTF-8 JSON, at most 256 KiB each and 900 KiB together.</param>
    /// <param name="cancellation">Gives up waiting for the answer.</param>
    /// <returns>The messages' ids, in order.</returns>
    public Task<IReadOnlyList<string>> EnqueueAsync(string name, IReadOnlyList<ReadOnlyMemory<byte>> bodies, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Leases the oldest messages that nobody has leased.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="max">1 to 100 messages at most.</param>
    /// <param name="wait">How long to wait for a first message.</param>
    /// <param name="lease">How long they are hidden from others: 500 ms to 24 h.</param>
    /// <param name="cancellation">Stops waiting; messages leased at that moment come back when their lease ends.</param>
    /// <returns>The messages; none if there was none in time.</returns>
    public Task<IReadOnlyList<LeasedMessage>> DequeueAsync(string name, int max, TimeSpan wait, TimeSpan lease, CancellationToken cancellation) => throw new NotImplementedException();

    /// <summary>Removes leased messages for good.</summary>
    /// <returns>The leases among <paramref name="leaseIds"/> that had ended before, in their order; empty if all messages were removed.</returns>
    public Task<IReadOnlyList<string>> AckAsync(string name, IReadOnlyList<string> leaseIds, CancellationToken cancellation) => throw new NotImplementedException();
}

/// <summary>A message on lease.</summary>
/// <param name="MessageId">Its id, the same at every delivery.</param>
/// <param name="LeaseId">The secret that acknowledges this delivery.</param>
/// <param name="Body">The body, UTF-8 JSON.</param>
/// <param name="DeliveryCount">1 at the first delivery.</param>
/// <param name="EnqueuedAt">When it was enqueued, by a server's wall clock; for people to read.</param>
/// <param name="Lease">How long it is hidden from others, counted from the sending of the request plus the time waited.</param>
public sealed record LeasedMessage(
    string MessageId, string LeaseId, ReadOnlyMemory<byte> Body, int DeliveryCount, DateTimeOffset EnqueuedAt, TimeSpan Lease);
