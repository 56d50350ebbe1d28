using System.Collections.Concurrent;
using LockService.Recipes.Commit;
using LockService.Recipes.Counting;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes;

/// <summary>
/// Counters of 64 bits that any number of callers, on any instance, may change at once. Every increment that returns happened once, and
/// no two of them saw the same previous value.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/counters/&lt;name&gt;   persistent; data = the value as decimal text, as kazoo's Counter writes it
/// </code>
/// 1. Increments of one counter stand in line. Whoever is there when the line's turn comes travels in one change.
/// 2. Each gets its own value, in order of arrival, checked against its own bounds.
/// 3. The sum is written on condition of the version that was read, or known from the last change.
/// 4. The condition fails when somebody else wrote: read again, and again from 2.
/// <para>Lost connection and expired session: the commit lane finds out what happened. Cancellation: an increment that had not been
/// sent never happens; one that had may. Deadline: not done, or unknown.</para>
/// <para>Not promised: order between instances; values without gaps when callers give up their increments.</para>
/// </remarks>
public sealed class Counters
{
    /// <summary>Lines in memory before idle ones are dropped; they hold nothing that cannot be read again.</summary>
    private const int MaxIdleLines = 1_000;

    private readonly CommitLanes _lanes;
    private readonly StoreCalls _store;
    private readonly TimeProvider _clock;
    private readonly string _root;
    private readonly ConcurrentDictionary<string, CounterLine> _lines = new();

    internal Counters(CommitLanes lanes, StoreCalls store, CoordinationOptions options, TimeProvider clock)
    {
        _lanes = lanes;
        _store = store;
        _clock = clock;
        _root = $"{options.Root}/counters";
    }

    /// <summary>
    /// Adds to a counter, creating it if it does not exist. Happens exactly once or, if an exception other than
    /// <see cref="EffectUnknownException"/> and the cancellation is thrown, not at all.
    /// </summary>
    /// <exception cref="StoreUnavailableException">Nothing was done.</exception>
    /// <exception cref="EffectUnknownException">It may have happened.</exception>
    /// <exception cref="WrongKindException">The node is no counter. Nothing was done.</exception>
    public async Task<IncrementResult> IncrementAsync(string name, IncrementOptions options, CancellationToken cancellation)
    {
        ResourceName.ThrowIfInvalid(name);
        ArgumentNullException.ThrowIfNull(options);
        cancellation.ThrowIfCancellationRequested();
        var increment = new Increment(options, _lanes.NewDeadline());
        while (!LineOf(name).TryAdd(increment))
        {
            // The line was dropped as idle at this very moment; the next one is new.
        }

        using (cancellation.UnsafeRegister(static (state, token) => ((Increment)state!).Cancel(token), increment))
        {
            return await increment.Answer.ConfigureAwait(false);
        }
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
        return node is null
            ? null
            : new CounterState(
                name,
                CounterNode.Parse(node).Value ?? 0,
                node.Stat.ModifiedZxid,
                DateTimeOffset.FromUnixTimeMilliseconds(node.Stat.ModifiedAt));
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
