using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Idempotency;

/// <summary>
/// Removes the records of keyed requests that are old enough, and the markers of lanes whose instances are gone. No record is removed
/// earlier than <see cref="CoordinationOptions.IdempotencyRetention"/> after its creation, whatever any wall clock says.
/// </summary>
/// <remarks>
/// 1. The elected instance claims the work by setting the data of <c>&lt;root&gt;/idempotency</c>. Every removal is conditional on that version:
/// an earlier sweeper that goes on with what it has read can remove nothing any more, not even a record that was made anew under its name.
/// 2. Every now and then it commits an empty change, and remembers its zxid and when that was (<see cref="ZxidAges"/>).
/// 3. It lists a few shards, reads what is in them, and removes records created up to a zxid that is old enough. Then it pauses, so that a
/// round through all shards takes <see cref="CoordinationOptions.IdempotencySweepInterval"/>.
/// <para>Lost connection and expired session: what was not removed is met in the next round. A new sweeper has seen nothing yet, and
/// removes nothing before it has been at work for the retention. Memory does not depend on the number of records.</para>
/// </remarks>
internal sealed partial class RecordSweeper : IAsyncDisposable
{
    private const int Shards = 4_096;
    private const int ShardsInStep = 16;
    private const int Steps = Shards / ShardsInStep;

    /// <summary>Records read or removed at once.</summary>
    private const int Chunk = 100;

    private static readonly TimeSpan s_retryPause = TimeSpan.FromSeconds(1);

    private readonly CommitLanes _lanes;
    private readonly StoreCalls _store;
    private readonly CoordinationOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly string _parent;
    private readonly CancellationTokenSource _disposing = new();
    private ZxidAges _ages;
    private int? _claim;
    private Task _loop = Task.CompletedTask;

    internal RecordSweeper(
        CommitLanes lanes, StoreCalls store, CoordinationOptions options, TimeProvider clock, ILogger<RecordSweeper> logger)
    {
        _lanes = lanes;
        _store = store;
        _options = options;
        _clock = clock;
        _logger = logger;
        _parent = KeyedCalls.PathOf(options.Root);
        _ages = new ZxidAges(options.IdempotencyRetention, clock);
    }

    /// <summary>Sweeps from now on whenever this instance is elected.</summary>
    internal void Start(Func<bool> elected) => _loop = RunAsync(elected);

    /// <summary>One round through all shards and the markers.</summary>
    /// <param name="pause">How long to wait after every few shards.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>False if another instance has claimed the work meanwhile.</returns>
    internal async Task<bool> SweepAsync(TimeSpan pause, CancellationToken stop)
    {
        _claim ??= await ClaimAsync(stop).ConfigureAwait(false);
        for (int step = 0; step < Steps; step++)
        {
            if (_ages.WantsSighting)
            {
                CommitResult present = await CommitAsync(NewUnit(), stop).ConfigureAwait(false);
                if (!present.Committed)
                {
                    return false;
                }

                _ages.See(present.Zxid);
            }

            if (_ages.Old is { } old && !await SweepShardsAsync(step * ShardsInStep, old, stop).ConfigureAwait(false))
            {
                return false;
            }

            if (pause > TimeSpan.Zero)
            {
                await Task.Delay(pause, _clock, stop).ConfigureAwait(false);
            }
        }

        return _ages.Old is not { } age || await SweepMarkersAsync(age, stop).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task RunAsync(Func<bool> elected)
    {
        CancellationToken stop = _disposing.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!elected() || !await SweepAsync(_options.IdempotencySweepInterval / Steps, stop).ConfigureAwait(false))
                {
                    GiveUp();
                    await Task.Delay(s_retryPause, _clock, stop).ConfigureAwait(false);
                }
            }
            catch (Exception e) when (e is ZooKeeperException or CoordinationException)
            {
                Log.Failed(_logger, e.Message);
                await Task.Delay(s_retryPause, _clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // Disposed.
            }
        }
    }

    private void GiveUp()
    {
        if (_claim is not null)
        {
            _claim = null;
            _ages = new ZxidAges(_options.IdempotencyRetention, _clock);
        }
    }

    private async Task<int> ClaimAsync(CancellationToken stop)
    {
        while (true)
        {
            NodeData? node = await _store.ReadAsync(
                async (client, token) =>
                {
                    await NodeTree.EnsureAsync(client, _parent, CreateMode.Persistent, default, token).ConfigureAwait(false);
                    return await client.GetDataAsync(_parent, token).ConfigureAwait(false);
                },
                stop).ConfigureAwait(false);
            if (node is not null)
            {
                CommitUnit claim = new CommitUnit(_parent).SetData(_parent, default, node.Stat.Version);
                if ((await CommitAsync(claim, stop).ConfigureAwait(false)).Committed)
                {
                    return node.Stat.Version + 1;
                }
            }
        }
    }

    /// <returns>False if the claim is lost.</returns>
    private async Task<bool> SweepShardsAsync(int first, long old, CancellationToken stop)
    {
        string[] shards = [.. Enumerable.Range(first, ShardsInStep).Select(shard => $"{_parent}/{shard:x3}")];
        var listing = new ReadBatch();
        Array.ForEach(shards, shard => listing.GetChildren(shard));
        ReadBatchResult listed = await _store.ReadAsync((client, token) => client.ReadAsync(listing, token), stop).ConfigureAwait(false);
        for (int i = 0; i < shards.Length; i++)
        {
            foreach (string[] names in (listed.Children(i) ?? []).Chunk(Chunk))
            {
                string[] paths = [.. names.Select(name => $"{shards[i]}/{name}")];
                if (!await RemoveAsync(paths, stat => stat.CreatedZxid <= old, stop).ConfigureAwait(false))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>
    /// Markers whose instance is not registered, and which nobody has changed for as long as records are kept. Should the instance live all
    /// the same, its lane goes on with another one.
    /// </summary>
    private async Task<bool> SweepMarkersAsync(long old, CancellationToken stop)
    {
        // The markers first: the instances that these belong to had every opportunity to register by now.
        IReadOnlyList<string> markers = await ChildrenAsync(CommitLanes.PathOf(_options.Root), stop).ConfigureAwait(false);
        HashSet<string> instances = [.. await ChildrenAsync(InstanceRegistry.PathOf(_options.Root), stop).ConfigureAwait(false)];
        IEnumerable<string> left = markers.Where(marker => !instances.Contains(LaneMarker.InstanceOf(marker)));
        foreach (string[] names in left.Chunk(Chunk))
        {
            string[] paths = [.. names.Select(name => $"{CommitLanes.PathOf(_options.Root)}/{name}")];
            if (!await RemoveAsync(paths, stat => stat.ModifiedZxid <= old, stop).ConfigureAwait(false))
            {
                return false;
            }
        }

        return true;
    }

    private async Task<IReadOnlyList<string>> ChildrenAsync(string path, CancellationToken stop)
    {
        NodeChildren? children = await _store.ReadAsync((client, token) => client.GetChildrenAsync(path, token), stop).ConfigureAwait(false);
        return children?.Names ?? [];
    }

    /// <summary>Removes the nodes that are as old as wanted, on the versions read.</summary>
    /// <returns>False if the claim is lost.</returns>
    private async Task<bool> RemoveAsync(string[] paths, Func<Stat, bool> isOld, CancellationToken stop)
    {
        var reading = new ReadBatch();
        Array.ForEach(paths, path => reading.GetData(path));
        ReadBatchResult read = await _store.ReadAsync((client, token) => client.ReadAsync(reading, token), stop).ConfigureAwait(false);
        CommitUnit unit = NewUnit();
        for (int i = 0; i < paths.Length; i++)
        {
            if (read.Data(i) is { } node && isOld(node.Stat))
            {
                unit.Delete(paths[i], node.Stat.Version);
            }
        }

        if (unit.Operations.Count == 1)
        {
            return true;
        }

        // Refused for another reason than the claim: one of them was changed, or removed by hand. The next round looks anew.
        CommitResult result = await CommitAsync(unit, stop).ConfigureAwait(false);
        return result.Committed || result.FailedIndex > 0;
    }

    private CommitUnit NewUnit() => new CommitUnit(_parent).Check(_parent, _claim!.Value);

    private Task<CommitResult> CommitAsync(CommitUnit unit, CancellationToken stop) => _lanes.CommitAsync(unit, _lanes.NewDeadline(), stop);

    private static partial class Log
    {
        [LoggerMessage(60, LogLevel.Information, "The records of keyed requests could not be swept: {Reason}")]
        internal static partial void Failed(ILogger logger, string reason);
    }
}
