using System.Collections.Concurrent;
using LockService.Recipes.Commit;
using LockService.Recipes.Counting;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes;

/// <summary>
/// Counters of 64 bits that any number of callers, on any instance, may change at once. Every increment that returns happened once, and
/// no two of them saw the same previous value.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/counters          persistent; data = "counters"
/// &lt;root&gt;/counters/&lt;name&gt;   persistent; data = the value as decimal text, as kazoo's Counter writes it; no data = no counter
/// </code>
/// 1. Changes of one counter stand in line. Whoever is there when the line's turn comes travels in one write.
/// 2. Each is applied to what the one before it left, in order of arrival, checked against its own bounds or condition. One whose answer
/// tells the version is the last of its write.
/// 3. The result is written on condition of the version that was read, or known from the last write.
/// 4. The condition fails when somebody else wrote: read again, and again from 2.
/// 5. A removed counter leaves its node without data, so that its versions go on; the sweep deletes it when nobody can know them any more.
/// <para>Lost connection and expired session: the commit lane finds out what happened. Cancellation: a change that had not been
/// sent never happens; one that had may. Deadline: not done, or unknown.</para>
/// <para>Not promised: order between instances; values without gaps when callers give up their increments; anything once somebody has
/// deleted the node itself and made it again within 10 s, past the service.</para>
/// </remarks>
public sealed class Counters
{
    /// <summary>The most counters of one page of a list.</summary>
    public const int MaxPage = 1_000;

    /// <summary>Callers at once, over all counters.</summary>
    private const int MaxWaiting = 20_000;

    /// <summary>Lines in memory before idle ones are dropped; they hold nothing that cannot be read again.</summary>
    private const int MaxIdleLines = 10_000;

    private readonly CommitLanes _lanes;
    private readonly StoreCalls _store;
    private readonly KeyedCalls _keyed;
    private readonly TimeProvider _clock;
    private readonly CancellationToken _draining;
    private readonly string _root;
    private readonly CounterListing _listing;
    private readonly Tombstones _tombstones;
    private readonly ConcurrentDictionary<string, CounterLine> _lines = new();
    private int _waiting;

    /// <param name="lanes">Where changes are written.</param>
    /// <param name="store">Where counters are read.</param>
    /// <param name="keyed">Carries out changes under keys.</param>
    /// <param name="options">The settings.</param>
    /// <param name="clock">Times deadlines, and the age of what removed counters leave behind.</param>
    /// <param name="draining">Cancelled when the instance shuts down: no change is begun then.</param>
    internal Counters(
        CommitLanes lanes, StoreCalls store, KeyedCalls keyed, CoordinationOptions options, TimeProvider clock, CancellationToken draining)
    {
        _lanes = lanes;
        _store = store;
        _keyed = keyed;
        _clock = clock;
        _draining = draining;
        _root = $"{options.Root}/counters";
        _listing = new CounterListing(_root, store);
        _tombstones = new Tombstones(_root, store, options, clock);
    }

    /// <summary>
    /// Adds to a counter, creating it if it does not exist. Happens exactly once or, if an exception other than
    /// <see cref="EffectUnknownException"/> and the cancellation is thrown, not at all.
    /// </summary>
    /// <exception cref="StoreUnavailableException">Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">It may have happened.</exception>
    /// <exception cref="WrongKindException">The node is no counter. Nothing was done.</exception>
    /// <exception cref="DrainingException">This instance is shutting down. Nothing was done.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request. Nothing was done.</exception>
    /// <exception cref="IdempotencyInProgressException">The same request is being served. Nothing was done for this one.</exception>
    public Task<IncrementResult> IncrementAsync(string name, IncrementOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        return ChangeAsync(
            name,
            options.Key,
            (record, deadline) => new Increment(options, deadline, record),
            outcome => CounterOutcome.Parse(outcome.Json).ToIncrement(),
            cancellation);
    }

    /// <summary>Sets a counter to a value, creating it if it does not exist, on a condition. Happens once or not at all, like an increment.</summary>
    /// <param name="name">The counter.</param>
    /// <param name="value">The value.</param>
    /// <param name="condition">What must hold for it.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Stops waiting for the answer.</param>
    /// <returns>The counter after it; null if the condition did not hold and nothing was changed.</returns>
    /// <inheritdoc cref="IncrementAsync" path="/exception"/>
    public Task<CounterState?> SetAsync(string name, long value, CounterCondition condition, KeyedRequest? key, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return ChangeAsync<CounterState?>(
            name,
            key,
            (record, deadline) => new Assignment(name, value, condition, deadline, record),
            outcome => new CounterState(
                name,
                CounterOutcome.Parse(outcome.Json).Value,
                outcome.Stat.CreatedZxid,
                DateTimeOffset.FromUnixTimeMilliseconds(outcome.Stat.CreatedAt)),
            cancellation);
    }

    /// <summary>Removes a counter, on a condition. Happens once or not at all, like an increment.</summary>
    /// <param name="name">The counter.</param>
    /// <param name="condition">What must hold for it.</param>
    /// <param name="key">Under which key the request may be repeated; null for none.</param>
    /// <param name="cancellation">Stops waiting for the answer.</param>
    /// <inheritdoc cref="IncrementAsync" path="/exception"/>
    public Task<RemoveResult> RemoveAsync(string name, CounterCondition condition, KeyedRequest? key, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return ChangeAsync(
            name, key, (record, deadline) => new Removal(condition, deadline, record), _ => RemoveResult.Removed, cancellation);
    }

    /// <summary>Reads a counter. Linearizable.</summary>
    /// <returns>Null if it does not exist.</returns>
    /// <exception cref="StoreUnavailableException">It could not be read in time.</exception>
    /// <exception cref="WrongKindException">The node is no counter.</exception>
    public async Task<CounterState?> GetAsync(string name, CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        NodeData? node = await _store.ReadAsync(
            (client, token) => CounterNode.ReadInSyncAsync(client, PathOf(name), token), cancellation).ConfigureAwait(false);
        return CounterNode.Parse(node).StateOf(name);
    }

    /// <summary>
    /// Lists counters by name, in ordinal order. It contains every change acknowledged before the call; a page of counters is read in one
    /// request.
    /// </summary>
    /// <param name="prefix">What names must begin with; empty for all.</param>
    /// <param name="after">The name after which to begin; empty for the first page.</param>
    /// <param name="limit">1 to <see cref="MaxPage"/> counters at most.</param>
    /// <param name="cancellation">Stops waiting for the answer.</param>
    /// <exception cref="StoreUnavailableException">They could not be read in time.</exception>
    public Task<CounterPage> ListAsync(string prefix, string after, int limit, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentNullException.ThrowIfNull(after);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaxPage);
        return _listing.ReadAsync(prefix, after, limit, cancellation);
    }

    /// <summary>Deletes what removed counters left behind long enough ago.</summary>
    internal Task SweepAsync(CancellationToken cancellation) => _tombstones.SweepAsync(cancellation);

    private Task<TResult> ChangeAsync<TResult>(
        string name,
        KeyedRequest? key,
        Func<OutcomeRecord?, Deadline, CounterChange<TResult>> change,
        Func<StoredOutcome, TResult> replay,
        CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        cancellation.ThrowIfCancellationRequested();
        if (_draining.IsCancellationRequested)
        {
            throw new DrainingException();
        }

        return _keyed.RunAsync(
            key,
            (record, deadline) => StandInLineAsync(name, change(record, deadline), cancellation),
            (outcome, _) => Task.FromResult(KeyedAnswer.Done(replay(outcome))));
    }

    private async Task<KeyedAnswer<TResult>> StandInLineAsync<TResult>(
        string name, CounterChange<TResult> change, CancellationToken cancellation)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > MaxWaiting)
            {
                throw new StoreUnavailableException("Too many changes of counters wait already.");
            }

            while (!LineOf(name).TryAdd(change))
            {
                // The line was dropped as idle at this very moment; the next one is new.
            }

            using (cancellation.UnsafeRegister(static (state, token) => ((CounterChange)state!).Cancel(token), change))
            {
                return await change.Answer.ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private string PathOf(string name) => $"{_root}/{name}";

    private CounterLine LineOf(string name)
    {
        if (!_lines.TryGetValue(name, out CounterLine? line))
        {
            DropIdleLines();
            line = _lines.GetOrAdd(name, _ => new CounterLine(PathOf(name), _lanes, _store, _clock));
        }

        return line;
    }

    private void DropIdleLines()
    {
        if (_lines.Count >= MaxIdleLines)
        {
            foreach (KeyValuePair<string, CounterLine> line in _lines.Where(line => line.Value.TryRetire()))
            {
                _lines.TryRemove(line);
            }
        }
    }
}

/// <summary>What an increment asks for.</summary>
public sealed record IncrementOptions
{
    /// <summary>What to add; may be negative or zero. Default 1, range all of 64 bits.</summary>
    public long By { get; init; } = 1;

    /// <summary>The smallest value the counter may get. Default and range: 64 bits, not above <see cref="Max"/>.</summary>
    public long Min { get; init; } = long.MinValue;

    /// <summary>The largest value the counter may get. Default and range: 64 bits, not below <see cref="Min"/>.</summary>
    public long Max { get; init; } = long.MaxValue;

    /// <summary>The value before the first increment of a counter that does not exist. Default 0, range all of 64 bits.</summary>
    public long Initial { get; init; }

    /// <summary>Under which key the request may be repeated. Default none.</summary>
    public KeyedRequest? Key { get; init; }
}

/// <summary>The answer to an increment.</summary>
/// <param name="Value">The value after it, or the present value if it was refused.</param>
/// <param name="Previous">The value before it; the same as <paramref name="Value"/> if it was refused.</param>
/// <param name="InRange">False if the result would have been outside the bounds or 64 bits; nothing was changed then.</param>
public readonly record struct IncrementResult(long Value, long Previous, bool InRange);

/// <summary>A counter.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value.</param>
/// <param name="Version">The transaction that last changed it; rises with every change, also across deletion and re-creation.</param>
/// <param name="ModifiedAt">When it was last changed, by a server's wall clock; for people to read.</param>
public sealed record CounterState(string Name, long Value, long Version, DateTimeOffset ModifiedAt);

/// <summary>What must hold for a counter to be changed.</summary>
/// <param name="Exists">Whether the counter must exist; null if that does not matter.</param>
/// <param name="Versions">The versions of which it must have one, and so exist; null if any will do.</param>
public sealed record CounterCondition(bool? Exists = null, IReadOnlyList<long>? Versions = null)
{
    /// <summary>No condition.</summary>
    public static CounterCondition None { get; } = new();

    internal bool HoldsFor(CounterContent content) =>
        (Exists is not { } wanted || wanted == content.Value is not null)
        && (Versions is null || (content is { Value: not null, Zxid: { } version } && Versions.Contains(version)));
}

/// <summary>What became of a removal.</summary>
public enum RemoveResult
{
    /// <summary>The counter is gone.</summary>
    Removed,

    /// <summary>There is no such counter.</summary>
    NotFound,

    /// <summary>The condition did not hold, and nothing was changed.</summary>
    ConditionFailed,
}

/// <summary>Counters in the order of their names.</summary>
/// <param name="Items">The counters.</param>
/// <param name="Next">The name after which the next page begins; null if this is the last one.</param>
public sealed record CounterPage(IReadOnlyList<CounterState> Items, string? Next);
