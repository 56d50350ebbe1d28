using System.Collections.Concurrent;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Idempotency;

/// <summary>
/// Carries out requests under keys: each has its effect once, however often and through however many instances it is sent, as long as its
/// record is kept.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/idempotency/&lt;shard&gt;/&lt;digest&gt;   see <see cref="OutcomeRecord"/>; 4,096 shards, made when needed and never removed
/// </code>
/// 1. A request whose twin is being served by this instance is refused.
/// 2. Look whether the record is there; a look that is behind does no harm. If so, answer from it.
/// 3. Carry the request out; the record is created in the same transaction.
/// 4. Refused because of the record: a twin was faster. Look again, and answer from the record.
/// 5. Refused for another reason: a twin may have succeeded, and that be the reason. Look again, in sync; only then refuse.
/// <para>Only effects are recorded: a refusal changed nothing, so that the same key may be tried again. Unknown outcomes, on this instance
/// or another, need no care: at most one transaction with the record in it is ever applied.</para>
/// </remarks>
internal sealed class KeyedCalls(StoreCalls store, CoordinationOptions options, TimeProvider clock)
{
    /// <summary>Keyed requests that this instance serves at once; each costs one entry, and there are no more connections than that.</summary>
    private const int MaxUnderWay = 20_000;

    private readonly string _parent = PathOf(options.Root);
    private readonly ConcurrentDictionary<string, bool> _underWay = new();
    private readonly ConcurrentDictionary<string, bool> _knownShards = new();
    private int _count;

    /// <summary>The node above all shards.</summary>
    internal static string PathOf(string root) => $"{root}/idempotency";

    /// <summary>Carries out a request, keyed or not.</summary>
    /// <param name="key">Null for a request without one: only <paramref name="attempt"/> is called then.</param>
    /// <param name="attempt">Carries it out, adding the record to its unit. The deadline is that of a call that does not wait.</param>
    /// <param name="replay">Answers from the outcome; refuses if the answer is not true any more.</param>
    /// <exception cref="IdempotencyInProgressException">This instance is serving the same request.</exception>
    /// <exception cref="IdempotencyMismatchException">The key was used for another request.</exception>
    internal async Task<T> RunAsync<T>(
        KeyedRequest? key,
        Func<OutcomeRecord?, Deadline, Task<KeyedAnswer<T>>> attempt,
        Func<StoredOutcome, Deadline, Task<KeyedAnswer<T>>> replay)
    {
        Deadline deadline = Deadline.After(options.StoreDeadline, clock);
        if (key is null)
        {
            return (await attempt(null, deadline).ConfigureAwait(false)).Result;
        }

        Enter(key.Digest);
        try
        {
            var record = new OutcomeRecord(_parent, key);
            StoredOutcome? outcome = await FindAsync(record, deadline).ConfigureAwait(false);
            while (outcome is null)
            {
                try
                {
                    KeyedAnswer<T> answer = await AttemptAsync(attempt, record, deadline).ConfigureAwait(false);
                    if (answer.Effect == Effect.Done)
                    {
                        return answer.Result;
                    }

                    outcome = await FindInSyncAsync(record, deadline).ConfigureAwait(false);
                    if (outcome is null && answer.Effect == Effect.Refused)
                    {
                        return answer.Result;
                    }
                }
                catch (CoordinationException e) when (IsRefusal(e))
                {
                    outcome = await FindInSyncAsync(record, deadline).ConfigureAwait(false);
                    if (outcome is null)
                    {
                        throw;
                    }
                }
            }

            KeyedAnswer<T> again = await replay(outcome, Extended(deadline)).ConfigureAwait(false);
            key.Replayed = again.Effect == Effect.Done;
            return again.Result;
        }
        finally
        {
            Leave(key.Digest);
        }
    }

    private async Task<KeyedAnswer<T>> AttemptAsync<T>(
        Func<OutcomeRecord?, Deadline, Task<KeyedAnswer<T>>> attempt, OutcomeRecord record, Deadline deadline)
    {
        if (!_knownShards.ContainsKey(record.ShardPath))
        {
            await store.ReadAsync((client, token) => EnsureAsync(client, record.ShardPath, token), deadline).ConfigureAwait(false);
            _knownShards.TryAdd(record.ShardPath, true);
        }

        KeyedAnswer<T> answer = await attempt(record, deadline).ConfigureAwait(false);
        if (answer.Effect == Effect.Collided)
        {
            // Perhaps because the shard is not there: somebody has replaced ZooKeeper's data.
            _knownShards.TryRemove(record.ShardPath, out _);
        }

        return answer;
    }

    private Task<StoredOutcome?> FindAsync(OutcomeRecord record, Deadline deadline) => store.ReadAsync(
        async (client, token) => Outcome(record, await client.GetDataAsync(record.Path, token).ConfigureAwait(false)), deadline);

    private Task<StoredOutcome?> FindInSyncAsync(OutcomeRecord record, Deadline deadline) => store.ReadAsync(
        async (client, token) =>
        {
            Task sync = client.SyncAsync(record.ShardPath, token);
            Task<NodeData?> read = client.GetDataAsync(record.Path, token);
            await Task.WhenAll(sync, read).ConfigureAwait(false);
            return Outcome(record, await read.ConfigureAwait(false));
        },
        Extended(deadline));

    /// <summary>Whether it is about what was asked, and not about the service.</summary>
    private static bool IsRefusal(CoordinationException failure) =>
        failure is not (StoreUnavailableException or EffectUnknownException or DrainingException or IdempotencyMismatchException);

    private static StoredOutcome? Outcome(OutcomeRecord record, NodeData? node) => node is null ? null : record.OutcomeIn(node);

    private static async Task<bool> EnsureAsync(ZooKeeperClient client, string shard, CancellationToken cancellation)
    {
        await NodeTree.EnsureAsync(client, shard, CreateMode.Persistent, default, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>After a wait for something else than ZooKeeper, the time for asking it begins anew.</summary>
    private Deadline Extended(Deadline deadline) => deadline.HasPassed(clock) ? Deadline.After(options.StoreDeadline, clock) : deadline;

    private void Enter(string digest)
    {
        if (Interlocked.Increment(ref _count) > MaxUnderWay)
        {
            Interlocked.Decrement(ref _count);
            throw new StoreUnavailableException("Too many requests with keys are under way already.");
        }

        if (!_underWay.TryAdd(digest, true))
        {
            Interlocked.Decrement(ref _count);
            throw new IdempotencyInProgressException();
        }
    }

    private void Leave(string digest)
    {
        _underWay.TryRemove(digest, out _);
        Interlocked.Decrement(ref _count);
    }
}
