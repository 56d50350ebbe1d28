using System.Collections.Concurrent;
using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Queueing;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes;

/// <summary>
/// Queues with leases: a message is delivered to one caller at a time, and again if he does not acknowledge it before his lease ends.
/// Every enqueue that returns is there once; a message is never delivered after its acknowledgement returned.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/queues/&lt;name&gt;                container; data = "queue"
///     messages/m-&lt;id&gt;-&lt;N&gt;           persistent sequential; data = the body, never changed
///     deliveries/m-&lt;id&gt;-&lt;N&gt;         persistent; data = the lease, or that the message is back
/// </code>
/// 1. Enqueue creates the messages.
/// 2. Dequeue lists both directories in sync. Ready is a message without a delivery, or whose delivery says that it is back.
/// 3. The oldest is leased: <c>[check(message), create(delivery)]</c> the first time, later <c>setData(delivery)</c> on the version seen.
/// 4. A lease ends by setData on its version. The delivery stays, so that no path starts again at version 0.
/// 5. Ack reads the delivery and, if it carries the lease's secret, <c>[delete(delivery, version), delete(message)]</c>.
/// <para>Lost connection and expired session: the commit lane finds out what happened. A caller who has left while a message was taken for
/// him: it goes back. Who waits is served in order of arrival at this instance, by one look at the queue for all of them.</para>
/// <para>Not promised: order of deliveries between callers on different instances beyond that of the leases; order after a lease has ended.
/// </para>
/// </remarks>
public sealed class Queues
{
    private const int MaxMessages = 100;
    private const int MaxBodyBytes = 256 * 1024;
    private const int MaxBytes = 900 * 1024;

    private readonly QueueServices _services;
    private readonly DeliveryLease _leases;
    private readonly ConcurrentDictionary<string, Dispenser> _dispensers = new();

    internal Queues(QueueServices services)
    {
        _services = services;
        _leases = new DeliveryLease(services, Signal);
    }

    /// <summary>Appends messages, all or none, in the order given.</summary>
    /// <param name="name">The queue; it is created if it does not exist.</param>
    /// <param name="bodies">1 to 100 bodies, UTF-8 JSON, at most 256 KiB each and 900 KiB together.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Gives up waiting for the answer; the messages may be there all the same.</param>
    /// <returns>The messages' ids, in order.</returns>
    /// <exception cref="StoreUnavailableException">Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The messages may be there.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<IReadOnlyList<string>> EnqueueAsync(
        string name, IReadOnlyList<ReadOnlyMemory<byte>> bodies, KeyedRequest? key, CancellationToken cancellation)
    {
        QueueTree tree = TreeOf(name);
        ThrowIfInvalid(bodies);
        return _services.Keyed.RunAsync(
            key,
            (record, deadline) => TryEnqueueAsync(tree, bodies, record, deadline, cancellation),
            (outcome, _) => Task.FromResult(KeyedAnswer.Done(QueueOutcome.Parse(outcome.Json))));
    }

    /// <summary>Leases the oldest messages that nobody has leased.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="max">1 to 100 messages at most.</param>
    /// <param name="wait">How long to wait for a first message.</param>
    /// <param name="lease">How long they are hidden from others: 500 ms to 24 h.</param>
    /// <param name="key">
    /// Under which key the request may be repeated; null for none. A repetition gets the same messages, those whose leases have not ended, on
    /// leases that begin anew.
    /// </param>
    /// <param name="cancellation">Stops waiting; messages leased at that moment are given back, unless the request has a key.</param>
    /// <returns>The messages; none if there was none in time.</returns>
    /// <exception cref="StoreUnavailableException">Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">Messages may have been leased; they come back by themselves.</exception>
    /// <exception cref="TooManyWaitersException">This instance serves as many waiters as it may.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<IReadOnlyList<LeasedMessage>> DequeueAsync(
        string name, int max, TimeSpan wait, TimeSpan lease, KeyedRequest? key, CancellationToken cancellation)
    {
        QueueTree tree = TreeOf(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(max, MaxMessages);
        ArgumentOutOfRangeException.ThrowIfLessThan(lease, TimeSpan.FromMilliseconds(500));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lease, TimeSpan.FromHours(24));
        ArgumentOutOfRangeException.ThrowIfLessThan(wait, TimeSpan.Zero);
        cancellation.ThrowIfCancellationRequested();
        return _services.Keyed.RunAsync(
            key,
            (record, _) => StandInLineAsync(tree, max, wait, lease, record, cancellation),
            (outcome, deadline) => new Redelivery(tree, _services, _leases).RunAsync(QueueOutcome.Parse(outcome.Json), lease, deadline));
    }

    /// <summary>Removes leased messages for good, all that can be or, if an exception is thrown, none.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="leaseIds">The leases.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Gives up waiting for the answer; the messages may be removed all the same.</param>
    /// <returns>The leases among <paramref name="leaseIds"/> that had ended before, in their order; empty if all messages were removed.</returns>
    /// <exception cref="StoreUnavailableException">Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The messages may be removed.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<IReadOnlyList<string>> AckAsync(
        string name, IReadOnlyList<string> leaseIds, KeyedRequest? key, CancellationToken cancellation)
    {
        QueueTree tree = TreeOf(name);
        ArgumentNullException.ThrowIfNull(leaseIds);
        return _services.Keyed.RunAsync(
            key,
            (record, deadline) => TryAckAsync(tree, leaseIds, record, deadline, cancellation),
            (outcome, _) => Task.FromResult(KeyedAnswer.Done(QueueOutcome.Parse(outcome.Json))));
    }

    /// <summary>
    /// Times the leases of all queues: those that a crashed instance granted would otherwise be found only by whoever asks for messages.
    /// </summary>
    internal async Task SweepAsync(CancellationToken cancellation)
    {
        string parent = QueueTree.Parent(_services.Options.Root);
        NodeChildren? names = await _services.Store.ReadAsync((client, token) => client.GetChildrenAsync(parent, token), cancellation)
            .ConfigureAwait(false);
        foreach (string name in names?.Names ?? [])
        {
            var view = new QueueView(new QueueTree(_services.Options.Root, name), _leases);
            await _services.Store.ReadAsync(
                async (client, token) =>
                {
                    await view.ObserveAllAsync(client, token).ConfigureAwait(false);
                    return true;
                },
                cancellation).ConfigureAwait(false);
        }
    }

    private async Task<KeyedAnswer<IReadOnlyList<string>>> TryAckAsync(
        QueueTree tree, IReadOnlyList<string> leaseIds, OutcomeRecord? record, Deadline deadline, CancellationToken cancellation)
    {
        DeliveryId[] wanted = [.. leaseIds.Select(DeliveryId.Parse).OfType<DeliveryId>().Distinct()];
        while (true)
        {
            Dictionary<DeliveryId, int> held = await ReadHeldAsync(tree, wanted, deadline).ConfigureAwait(false);
            IReadOnlyList<string> lost = [.. leaseIds.Where(leaseId => DeliveryId.Parse(leaseId) is not { } id || !held.ContainsKey(id))];
            if (held.Count == 0)
            {
                return KeyedAnswer.Refused(lost);
            }

            switch (await TryRemoveAsync(tree, held, lost, record, deadline, cancellation).ConfigureAwait(false))
            {
                case Effect.Done:
                    return KeyedAnswer.Done(lost);
                case Effect.Collided:
                    return KeyedAnswer.Collided<IReadOnlyList<string>>();
            }

            // One of the leases ended since it was read.
            wanted = [.. held.Keys];
        }
    }

    private QueueTree TreeOf(string name)
    {
        ResourceName.ThrowIfInvalid(name);
        return _services.Draining.IsCancellationRequested ? throw new DrainingException() : new QueueTree(_services.Options.Root, name);
    }

    private static void ThrowIfInvalid(IReadOnlyList<ReadOnlyMemory<byte>> bodies)
    {
        ArgumentNullException.ThrowIfNull(bodies);
        if (bodies.Count is 0 or > MaxMessages || bodies.Any(body => body.Length > MaxBodyBytes) || bodies.Sum(body => body.Length) > MaxBytes)
        {
            throw new ArgumentException(
                $"1 to {MaxMessages} bodies of at most {MaxBodyBytes} bytes each and {MaxBytes} together are allowed.", nameof(bodies));
        }
    }

    /// <summary>Which of the leases still hold their message, and at which version of the delivery.</summary>
    private async Task<Dictionary<DeliveryId, int>> ReadHeldAsync(QueueTree tree, DeliveryId[] wanted, Deadline deadline)
    {
        if (wanted.Length == 0)
        {
            return [];
        }

        NodeData?[] nodes = await _services.Store.ReadAsync(
            async (client, token) =>
            {
                Task sync = client.SyncAsync(tree.Queue, token);
                Task<NodeData?>[] reads = [.. wanted.Select(id => client.GetDataAsync(tree.Delivery(id.Message), token))];
                await sync.ConfigureAwait(false);
                return await Task.WhenAll(reads).ConfigureAwait(false);
            },
            deadline).ConfigureAwait(false);
        var held = new Dictionary<DeliveryId, int>();
        foreach ((DeliveryId id, NodeData? node) in wanted.Zip(nodes))
        {
            if (node is not null && DeliveryRecord.Parse(node.Data) is { Available: false } record && record.Secret == id.Secret)
            {
                held.Add(id, node.Stat.Version);
            }
        }

        return held;
    }

    private async Task<Effect> TryRemoveAsync(
        QueueTree tree,
        Dictionary<DeliveryId, int> held,
        IReadOnlyList<string> lost,
        OutcomeRecord? record,
        Deadline deadline,
        CancellationToken cancellation)
    {
        var unit = new CommitUnit(tree.Queue);
        foreach ((DeliveryId id, int version) in held)
        {
            unit.Delete(tree.Delivery(id.Message), version).Delete(tree.Message(id.Message), -1);
        }

        record?.AddTo(unit, QueueOutcome.Of(lost));
        CommitResult result = await _services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
        if (result.Committed)
        {
            foreach (DeliveryId id in held.Keys)
            {
                _services.Leases.Forget(tree.Delivery(id.Message));
            }

            return Effect.Done;
        }

        if (record?.Refused(unit, result) == true)
        {
            return Effect.Collided;
        }

        return result.Error is ErrorCode.BadVersion or ErrorCode.NoNode
            ? Effect.Refused
            : throw new StoreUnavailableException($"ZooKeeper refuses the acknowledgement: {result.Error}.");
    }

    private async Task<KeyedAnswer<IReadOnlyList<string>>> TryEnqueueAsync(
        QueueTree tree,
        IReadOnlyList<ReadOnlyMemory<byte>> bodies,
        OutcomeRecord? record,
        Deadline deadline,
        CancellationToken cancellation)
    {
        string[] prefixes = [.. bodies.Select(_ => MessageName.NewPrefix())];
        IReadOnlyList<string> ids = [.. prefixes.Select(MessageName.IdOfPrefix)];
        var unit = new CommitUnit(tree.Queue);
        foreach ((string prefix, ReadOnlyMemory<byte> body) in prefixes.Zip(bodies))
        {
            unit.Create($"{tree.Messages}/{prefix}", body, CreateMode.PersistentSequential);
        }

        record?.AddTo(unit, QueueOutcome.Of(ids));
        while (true)
        {
            CommitResult result = await _services.Lanes.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
            if (result.Committed)
            {
                Signal(tree.Name);
                return KeyedAnswer.Done(ids);
            }

            if (record?.Refused(unit, result) == true)
            {
                return KeyedAnswer.Collided<IReadOnlyList<string>>();
            }

            if (result.Error != ErrorCode.NoNode)
            {
                throw new StoreUnavailableException($"ZooKeeper refuses the messages: {result.Error}.");
            }

            await _services.Store.ReadAsync((client, token) => tree.EnsureAsync(client, tree.Messages, token), deadline).ConfigureAwait(false);
        }
    }

    private async Task<KeyedAnswer<IReadOnlyList<LeasedMessage>>> StandInLineAsync(
        QueueTree tree, int max, TimeSpan wait, TimeSpan lease, OutcomeRecord? record, CancellationToken cancellation)
    {
        using IDisposable? slot = wait > TimeSpan.Zero ? _services.Slots.Take() : null;
        var taker = new Taker(max, lease, Deadline.After(wait, _services.Clock).Timestamp, record);
        using CancellationTokenRegistration leaving = cancellation.UnsafeRegister(
            static (state, token) => ((Taker)state!).Cancel(token), taker);
        using CancellationTokenRegistration draining = _services.Draining.UnsafeRegister(
            static state => ((Taker)state!).Fail(new DrainingException()), taker);
        while (!DispenserOf(tree).TryAdd(taker))
        {
            // It went out of use at this very moment; the next one is new.
        }

        return await taker.Answer.ConfigureAwait(false);
    }

    private Dispenser DispenserOf(QueueTree tree) => _dispensers.GetOrAdd(
        tree.Name,
        _ => new Dispenser(tree, _services, _leases) { Retired = dispenser => _dispensers.TryRemove(new(tree.Name, dispenser)) });

    private void Signal(string name)
    {
        if (_dispensers.TryGetValue(name, out Dispenser? dispenser))
        {
            dispenser.Signal();
        }
    }
}

/// <summary>A message on lease.</summary>
/// <param name="MessageId">Its id, the same at every delivery.</param>
/// <param name="LeaseId">The secret that acknowledges this delivery.</param>
/// <param name="Body">The body, UTF-8 JSON.</param>
/// <param name="DeliveryCount">1 at the first delivery.</param>
/// <param name="EnqueuedAt">When it was enqueued, by a server's wall clock; for people to read.</param>
/// <param name="Lease">How long it is hidden from others, counted from the sending of the request plus the time waited.</param>
public sealed record LeasedMessage(
    string MessageId, string LeaseId, ReadOnlyMemory<byte> Body, int DeliveryCount, DateTimeOffset EnqueuedAt, TimeSpan Lease)
{
    internal static LeasedMessage Of(DeliveryId id, NodeData message, int deliveryCount, TimeSpan lease) => new(
        id.Message.Id,
        id.ToLeaseId(),
        message.Data,
        deliveryCount,
        DateTimeOffset.FromUnixTimeMilliseconds(message.Stat.CreatedAt),
        lease);
}
