using System.Collections.Concurrent;
using System.Globalization;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Queueing;
using LockService.Recipes.Sessions;

namespace LockService.Recipes;

/// <summary>
/// Queues with leases: a message is delivered to one caller at a time, and again if he does not acknowledge it before his lease ends.
/// Every enqueue that returns is there once; a message is never delivered after its acknowledgement returned. No operation costs more
/// because more messages wait.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/queues/&lt;name&gt;                      data = the queue's life, 16 random digits
/// &lt;root&gt;/backlogs/&lt;life&gt;                    data = the queue's name
///     tail                                 the next numbers and the settings; set by every enqueue, checked by every other unit
///     returns                              set whenever a message becomes ready again
///     messages/&lt;segment&gt;/&lt;message&gt;         data = the body, never changed
///     deliveries/&lt;segment&gt;/&lt;message&gt;       what became of it since it was first leased or delayed; goes with the message
///     returned | delayed | dead/&lt;segment&gt;/&lt;message&gt;   marks: what its delivery's node says, for listings
/// </code>
/// A message's name is its priority, its number and its end; a segment is a container for 1,024 numbers of one priority.
/// <para>1. Enqueues that wait in an instance share a unit, <c>[setData(tail), create(message)...]</c>, on the tail's version: numbers are
/// unique, and their order is that of the commits.</para>
/// <para>2. Dequeues that wait in an instance share a unit too: <c>[check(message), create(delivery)]</c> for a message the first time, later
/// <c>[setData(delivery), delete(mark)]</c> on the version seen. What is ready at the head is known without reading, or read segment by segment.</para>
/// <para>3. Before anybody is told that there is nothing, the tail and the count of returns are read in sync.</para>
/// <para>4. A lease or delay ends by a change of the delivery's node on its version; the node stays, so that none starts again at version 0.</para>
/// <para>5. Acknowledge, give back and extend are conditional on the version whose record carries the lease's secret.</para>
/// <para>6. A removed queue loses its pointer and its tail in one unit, and with them every unit that is still under way; the rest is
/// removed piece by piece.</para>
/// <para>Lost connection and expired session: the commit lane finds out what happened. A caller who has left while a message was taken for
/// him: it goes back. Who waits is served in order of arrival at this instance.</para>
/// <para>Not promised: order of deliveries between callers on different instances beyond that of the leases; order after a lease has ended.
/// </para>
/// </remarks>
public sealed class Queues
{
    private const int MaxMessages = 100;

    /// <summary>Queues in memory before idle ones are dropped; they hold nothing that cannot be read again.</summary>
    private const int MaxIdle = 10_000;

    private readonly QueueServices _services;
    private readonly DeliveryMoves _moves;
    private readonly QueueSweep _sweep;
    private readonly ConcurrentDictionary<string, LocalQueue> _queues = new();

    internal Queues(QueueServices services)
    {
        _services = services;
        _moves = new DeliveryMoves(services);
        _sweep = new QueueSweep(services, _moves);
        services.Delays.End = _moves.EndDelayAsync;
    }

    /// <summary>Appends messages, all or none, in the order given.</summary>
    /// <param name="name">The queue; it is created if it does not exist.</param>
    /// <param name="messages">1 to 100 messages, bodies of 900 KiB together at most.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Gives up waiting for the answer; the messages may be there all the same.</param>
    /// <returns>The messages' ids, in order.</returns>
    /// <exception cref="StoreUnavailableException">Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">The messages may be there.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public async Task<IReadOnlyList<string>> EnqueueAsync(
        string name, IReadOnlyList<NewMessage> messages, KeyedRequest? key, CancellationToken cancellation)
    {
        LocalQueue queue = Find(name);
        NewMessage.ThrowIfInvalid(messages);
        bool isTimed = messages.Any(message => message.TimeToLive is not null || message.Delay > TimeSpan.Zero || message.DeduplicationKey is not null);
        await TimeKnownAsync(isTimed, cancellation).ConfigureAwait(false);
        return await _services.Keyed.RunAsync(
            key,
            (record, deadline) => StandInLineAsync(queue, new EnqueueCall(messages, deadline, record), cancellation),
            (outcome, _) => Task.FromResult(KeyedAnswer.Done(QueueOutcome.Parse(outcome.Json)))).ConfigureAwait(false);
    }

    /// <summary>Leases the first messages that nobody has leased: those of higher priority, then in the order they came.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="max">1 to 100 messages at most; fewer if their bodies have more than 4 MiB.</param>
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
        LocalQueue queue = Find(name);
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(max, MaxMessages);
        ThrowIfNoLease(lease);
        ArgumentOutOfRangeException.ThrowIfLessThan(wait, TimeSpan.Zero);
        cancellation.ThrowIfCancellationRequested();
        return _services.Keyed.RunAsync(
            key,
            (record, _) => StandInLineAsync(queue, max, wait, lease, record, cancellation),
            (outcome, deadline) => new Redelivery(queue, Calls(queue), _services).RunAsync(QueueOutcome.Parse(outcome.Json), lease, deadline));
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
        string name, IReadOnlyList<string> leaseIds, KeyedRequest? key, CancellationToken cancellation) =>
        ChangeLeasesAsync(name, leaseIds, (_, _) => null, key, cancellation);

    /// <summary>Gives leased messages back: they are ready again at their old places, or dead letters if they were delivered too often.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="leaseIds">The leases.</param>
    /// <param name="delay">How long the messages stay hidden; zero if they are ready at once. Not for dead letters.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Gives up waiting for the answer; the messages may be back all the same.</param>
    /// <returns>The leases that had ended before.</returns>
    /// <inheritdoc cref="AckAsync" path="/exception"/>
    public async Task<IReadOnlyList<string>> NackAsync(
        string name, IReadOnlyList<string> leaseIds, TimeSpan delay, KeyedRequest? key, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(delay, NewMessage.LongestDelay);
        await TimeKnownAsync(delay > TimeSpan.Zero, cancellation).ConfigureAwait(false);
        return await ChangeLeasesAsync(name, leaseIds, After, key, cancellation).ConfigureAwait(false);

        DeliveryRecord? After(DeliveryRecord leased, QueueSettings settings)
        {
            DeliveryRecord after = DeliveryMoves.After(leased, settings);
            return after.State == DeliveryState.Dead ? after : DeliveryMoves.Delayed(after, delay, _services.Time.Now);
        }
    }

    /// <summary>Lets leases begin anew.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="leaseIds">The leases.</param>
    /// <param name="lease">How long they last from now on, 500 ms to 24 h; null for as long as they were granted for.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Gives up waiting for the answer; the leases may be extended all the same.</param>
    /// <returns>The leases that had ended before.</returns>
    /// <inheritdoc cref="AckAsync" path="/exception"/>
    public Task<IReadOnlyList<string>> ExtendAsync(
        string name, IReadOnlyList<string> leaseIds, TimeSpan? lease, KeyedRequest? key, CancellationToken cancellation)
    {
        ThrowIfNoLease(lease ?? TimeSpan.FromSeconds(1));
        return ChangeLeasesAsync(
            name, leaseIds, (leased, _) => lease is { } time ? leased with { LeaseMs = (long)time.TotalMilliseconds } : leased, key, cancellation);
    }

    /// <summary>Counts the messages of a queue. Sees every change acknowledged before.</summary>
    /// <returns>Null if there is no such queue.</returns>
    /// <exception cref="StoreUnavailableException">It could not be read in time.</exception>
    /// <exception cref="DrainingException">This instance is shutting down.</exception>
    public Task<QueueState?> GetAsync(string name, CancellationToken cancellation) =>
        new QueueInspection(Find(name), _services).ReadStateAsync(cancellation);

    /// <summary>Shows messages in the order in which they leave, without leasing them.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="state">In which state.</param>
    /// <param name="after">The id of the message behind which to begin; empty to begin at the first.</param>
    /// <param name="limit">The most messages; fewer come if their bodies have more than 4 MiB.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <inheritdoc cref="GetAsync" path="/returns"/>
    /// <inheritdoc cref="GetAsync" path="/exception"/>
    public Task<QueuePage?> PeekAsync(string name, MessageState state, string after, int limit, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return new QueueInspection(Find(name), _services).PeekAsync(state, after, limit, cancellation);
    }

    /// <summary>Sets the settings of a queue, and makes it if it does not exist.</summary>
    /// <inheritdoc cref="AckAsync" path="/exception"/>
    public Task SetAsync(string name, QueueSettings settings, KeyedRequest? key, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.ThrowIfInvalid();
        QueueChanges changes = Changes(name);
        return _services.Keyed.RunAsync(
            key, (record, deadline) => changes.SetAsync(settings, record, deadline, cancellation), (_, _) => Task.FromResult(KeyedAnswer.Done(true)));
    }

    /// <summary>Removes a queue with all its messages. Leases on them end at once.</summary>
    /// <returns>Whether there was one.</returns>
    /// <inheritdoc cref="AckAsync" path="/exception"/>
    public Task<bool> RemoveAsync(string name, KeyedRequest? key, CancellationToken cancellation)
    {
        QueueChanges changes = Changes(name);
        return _services.Keyed.RunAsync(
            key, (record, deadline) => changes.RemoveAsync(record, deadline, cancellation), (_, _) => Task.FromResult(KeyedAnswer.Done(true)));
    }

    /// <summary>Makes dead letters ready again, at their old places and as if they had never been delivered.</summary>
    /// <param name="name">The queue.</param>
    /// <param name="max">The most dead letters.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Stops; what is back stays so.</param>
    /// <returns>How many; null if there is no such queue.</returns>
    /// <inheritdoc cref="AckAsync" path="/exception"/>
    public Task<long?> RedriveAsync(string name, long max, KeyedRequest? key, CancellationToken cancellation)
    {
        QueueChanges changes = Changes(name);
        return _services.Keyed.RunAsync(
            key,
            (record, _) => changes.RedriveAsync(max, record, cancellation),
            (outcome, _) => Task.FromResult(KeyedAnswer.Done<long?>(long.Parse(QueueOutcome.Parse(outcome.Json)[0], CultureInfo.InvariantCulture))));
    }

    /// <summary>Times the leases and delays of all queues that nobody times: those of an instance that is gone. Removes what has had its time.</summary>
    internal Task SweepAsync(CancellationToken cancellation) => _sweep.SweepAsync(cancellation);

    private Task<IReadOnlyList<string>> ChangeLeasesAsync(
        string name,
        IReadOnlyList<string> leaseIds,
        Func<DeliveryRecord, QueueSettings, DeliveryRecord?> next,
        KeyedRequest? key,
        CancellationToken cancellation)
    {
        LocalQueue queue = Find(name);
        ArgumentNullException.ThrowIfNull(leaseIds);
        return _services.Keyed.RunAsync(
            key,
            (record, deadline) => Calls(queue).ServeAsync(leaseIds, next, record, deadline, cancellation),
            (outcome, _) => Task.FromResult(KeyedAnswer.Done(QueueOutcome.Parse(outcome.Json))));
    }

    private QueueChanges Changes(string name) => new(Find(name), _services, _moves);

    private LeaseCalls Calls(LocalQueue queue) => new(queue, _services, _moves);

    private LocalQueue Find(string name)
    {
        ResourceName.ThrowIfInvalid(name);
        if (_services.Draining.IsCancellationRequested)
        {
            throw new DrainingException();
        }

        if (_queues.Count >= MaxIdle && !_queues.ContainsKey(name))
        {
            foreach (KeyValuePair<string, LocalQueue> idle in _queues.Where(queue => queue.Value.IsIdle))
            {
                // Somebody may have found it just now. He is served by it all the same; what others do he learns from ZooKeeper.
                _queues.TryRemove(idle);
                idle.Value.Retire();
            }
        }

        return _queues.GetOrAdd(name, _ => new LocalQueue(name, _services, _moves));
    }

    /// <summary>Whoever asks for something to happen later must know what time it is.</summary>
    private async Task TimeKnownAsync(bool needed, CancellationToken cancellation)
    {
        if (needed && !_services.Time.IsKnown)
        {
            Task late = Task.Delay(_services.Options.StoreDeadline, _services.Clock, cancellation);
            if (await Task.WhenAny(_services.Time.WhenKnownAsync(), late).ConfigureAwait(false) == late)
            {
                cancellation.ThrowIfCancellationRequested();
                throw new StoreUnavailableException("ZooKeeper could not be asked for the time.");
            }
        }
    }

    private static void ThrowIfNoLease(TimeSpan lease)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(lease, TimeSpan.FromMilliseconds(500));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lease, TimeSpan.FromHours(24));
    }

    private static async Task<KeyedAnswer<IReadOnlyList<string>>> StandInLineAsync(LocalQueue queue, EnqueueCall call, CancellationToken cancellation)
    {
        using CancellationTokenRegistration leaving = cancellation.UnsafeRegister(
            static (state, token) => ((EnqueueCall)state!).Cancel(token), call);
        queue.Enqueues.Add(call);
        return await call.Answer.ConfigureAwait(false);
    }

    private async Task<KeyedAnswer<IReadOnlyList<LeasedMessage>>> StandInLineAsync(
        LocalQueue queue, int max, TimeSpan wait, TimeSpan lease, OutcomeRecord? record, CancellationToken cancellation)
    {
        using IDisposable? slot = wait > TimeSpan.Zero ? _services.Slots.Take() : null;
        var taker = new Taker(max, lease, Deadline.After(wait, _services.Clock).Timestamp, record);
        using CancellationTokenRegistration leaving = cancellation.UnsafeRegister(
            static (state, token) => ((Taker)state!).Cancel(token), taker);
        using CancellationTokenRegistration draining = _services.Draining.UnsafeRegister(
            static state => ((Taker)state!).Fail(new DrainingException()), taker);
        queue.Dispenser.Add(taker);
        return await taker.Answer.ConfigureAwait(false);
    }
}
