using System.Threading.Channels;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Commit;

/// <summary>
/// Carries units to ZooKeeper, many in one transaction, and finds out what became of each: whoever submits one is told that it was
/// committed once, or that it was not and never will be; only a deadline can leave it open, and then the lane still settles it.
/// </summary>
/// <remarks>
/// <code>
/// &lt;root&gt;/commit/&lt;instance&gt;-&lt;lane&gt;.&lt;generation&gt;   the marker; data = number of the attempt applied last
/// </code>
/// 1. Units collect while a batch is under way. The next batch takes them, up to a limit; an idle lane sends at once, unless it
/// has only patient ones.
/// 2. A batch is <c>multi[setData(marker, number, expected version), units...]</c>. There is never more than one under way.
/// 3. Refused because of a unit: it is answered with its error, the others are sent again without it.
/// 4. Outcome unknown: sent again, on a new session if need be. Applied now: the earlier copy never can be, since the marker's version
/// has moved on. Refused at the marker: the earlier one was applied.
/// 5. Then the marker tells which attempt it was and at which zxid, and names of sequential nodes are looked up by their GUIDs.
/// <para>Lost connection and expired session are nothing but unknown outcomes. A marker that has vanished while an outcome was open leaves
/// it open for good; the lane goes on with a new one. A caller that leaves takes its unit along, unless it has been sent.</para>
/// <para>Not promised: an order between units of different callers beyond that of their submission.</para>
/// </remarks>
internal sealed partial class CommitLane : IAsyncDisposable
{
    private const int MaxBatchOperations = 200;
    private const int MaxBatchBytes = 512 * 1024;
    private const int MaxWaitingUnits = 20_000;
    private const long MaxWaitingBytes = 64 * 1024 * 1024;

    /// <summary>How finely deadlines are looked at.</summary>
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(50);

    private readonly SessionKeeper _sessions;
    private readonly bool _oneResource;
    private readonly LaneMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly LaneMarker _marker;
    private readonly UnitQueue _waiting = new(MaxWaitingUnits, MaxWaitingBytes);
    private readonly Channel<bool> _work = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _disposing = new();
    private readonly ITimer _deadlines;
    private readonly ITimer _patience;
    private readonly Task _loop;
    private volatile Batch? _underWay;
    private int _disposed;
    private long _attempts;

    /// <param name="sessions">Where batches are sent.</param>
    /// <param name="options">What distinguishes it from other lanes.</param>
    /// <param name="metrics">Measures it.</param>
    /// <param name="clock">Times deadlines.</param>
    /// <param name="logger">Hears of batches that had to be settled.</param>
    internal CommitLane(SessionKeeper sessions, LaneOptions options, CommitMetrics metrics, TimeProvider clock, ILogger<CommitLane> logger)
    {
        _sessions = sessions;
        _oneResource = options.OneResourceAtATime;
        _metrics = metrics.For(options.Name, _waiting);
        _clock = clock;
        _logger = logger;
        _marker = new LaneMarker(options.MarkerPrefix, options.MarkerVersions);
        _deadlines = clock.CreateTimer(_ => Expire(), null, s_tick, s_tick);
        _patience = clock.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _loop = RunAsync();
    }

    /// <summary>Submits a unit and waits for its outcome.</summary>
    /// <returns>Committed, or refused with the error of one of its operations.</returns>
    /// <exception cref="StoreUnavailableException">It did not happen and never will: not sent by its deadline, or too many wait.</exception>
    /// <exception cref="EffectUnknownException">Its outcome was open at the deadline.</exception>
    /// <exception cref="OperationCanceledException">The caller left; it may have happened.</exception>
    internal async Task<CommitResult> CommitAsync(CommitUnit unit, Deadline deadline, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var pending = new PendingUnit(unit, deadline.Timestamp, _clock.GetTimestamp()) { Due = Deadline.After(unit.Patience, _clock).Timestamp };
        try
        {
            if (_disposing.IsCancellationRequested || !_waiting.TryAdd(pending))
            {
                throw new StoreUnavailableException("Too many changes wait for ZooKeeper already.");
            }

            Wake();
            using (cancellation.UnsafeRegister(static (state, token) => ((PendingUnit)state!).Cancel(token), pending))
            {
                CommitResult result = await pending.Answer.ConfigureAwait(false);
                if (!result.Committed)
                {
                    _metrics.Failed("refused");
                }

                return result;
            }
        }
        catch (CoordinationException e)
        {
            _metrics.Failed(e is EffectUnknownException ? "unknown" : "unavailable");
            throw;
        }
    }

    /// <summary>
    /// Stops. Batches under way should have been finished before, by waiting for the callers; what is left is answered as not done or
    /// unknown.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _disposing.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        await _deadlines.DisposeAsync().ConfigureAwait(false);
        await _patience.DisposeAsync().ConfigureAwait(false);
        _waiting.Close();
        _disposing.Dispose();
    }

    /// <summary>Has the queue looked at, now or when the first of those in it has lost its patience.</summary>
    private void Wake()
    {
        var due = new Deadline(_waiting.Due);
        if (due.HasPassed(_clock))
        {
            _work.Writer.TryWrite(true);
        }
        else if (due.Timestamp != long.MaxValue)
        {
            _patience.Change(due.Remaining(_clock), Timeout.InfiniteTimeSpan);
        }
    }

    private void Expire()
    {
        long now = _clock.GetTimestamp();
        _waiting.ExpireAt(now);
        _underWay?.ExpireAt(now);
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _work.Reader.ReadAsync(_disposing.Token).ConfigureAwait(false))
            {
                while (new Deadline(_waiting.Due).HasPassed(_clock) && TakeUnits() is { Count: > 0 } units)
                {
                    await CarryAsync(new Batch(units)).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_disposing.IsCancellationRequested)
        {
            _underWay?.ExpireAt(long.MaxValue);
            await RemoveMarkerAsync().ConfigureAwait(false);
        }
    }

    private List<PendingUnit> TakeUnits() => _oneResource
        ? _waiting.TakeOneResource(MaxBatchOperations, MaxBatchBytes)
        : _waiting.Take(MaxBatchOperations, MaxBatchBytes);

    /// <summary>A fault of ours costs one batch, not the lane. The next one has a new marker, since this one's outcome is not known.</summary>
    private async Task CarryAsync(Batch batch)
    {
        _underWay = batch;
        try
        {
            await SettleAsync(batch).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.Broken(_logger, e);
            _marker.Replace();
            batch.Fail(new EffectUnknownException("The service failed to settle the change.", e));
        }
    }

    /// <summary>Sends a batch as often as it takes to know the outcome of all of it.</summary>
    private async Task SettleAsync(Batch batch)
    {
        long? firstSentAt = null;
        for (int failures = 0; ;)
        {
            Attempt? attempt = null;
            try
            {
                ZooKeeperClient client = await _sessions.ConnectedAsync(_disposing.Token).ConfigureAwait(false);
                await _marker.EnsureAsync(client, _disposing.Token).ConfigureAwait(false);
                attempt = batch.NextAttempt(client, _marker.Path, _marker.Version, ++_attempts);
                if (attempt is null)
                {
                    return;
                }

                if (firstSentAt is null)
                {
                    firstSentAt = _clock.GetTimestamp();
                    _metrics.Sent(attempt.Units, _clock);
                }
                else
                {
                    _metrics.SentAgain();
                }

                Task<TransactionResult> commit = client.CommitAsync(attempt.Transaction, _disposing.Token);
                Task<ReadBatchResult?> read = attempt.Listings.ReadAsync(client, _disposing.Token);
                TransactionResult result = await commit.ConfigureAwait(false);
                if (await TakeInAsync(batch, attempt, result, read).ConfigureAwait(false))
                {
                    _metrics.Settled(_clock.GetElapsedTime(firstSentAt.Value));
                    return;
                }
            }
            catch (ZooKeeperException e)
            {
                Log.Retried(_logger, e.Message);
                if (!TakeIn(batch, attempt, e))
                {
                    return;
                }

                await PauseAsync(failures++).ConfigureAwait(false);
            }
            catch (RequestAbandonedException e) when (attempt is not null && e.Outcome == RequestOutcome.Unknown)
            {
                batch.LeaveOpen(attempt);
                throw;
            }
        }
    }

    /// <summary>The server answered.</summary>
    /// <returns>Whether the batch is settled.</returns>
    private async Task<bool> TakeInAsync(Batch batch, Attempt attempt, TransactionResult result, Task<ReadBatchResult?> behind)
    {
        if (result.Committed)
        {
            _marker.Advance();
            ReadBatchResult? read = await behind.ConfigureAwait(false);
            batch.Applied(attempt, attempt.Results(result.Parts[0].Stat!.Value, [.. result.Parts.Skip(1).Select(part => part.Path)], read));
            return true;
        }

        if (result.FailedIndex > 0)
        {
            (PendingUnit unit, int index) = attempt.OwnerOf(result.FailedIndex);
            batch.Refuse(unit, CommitResult.Refused(result.Error, index));
            return false;
        }

        if (batch.IsOpen)
        {
            await FindOutAsync(batch).ConfigureAwait(false);
            return true;
        }

        // Nobody but us writes it: it was removed, or ZooKeeper's data was replaced.
        Log.MarkerLost(_logger, result.Error);
        _marker.Replace();
        batch.NothingDone();
        return false;
    }

    /// <summary>The attempt failed as a whole.</summary>
    /// <returns>Whether it is worth another one.</returns>
    private static bool TakeIn(Batch batch, Attempt? attempt, ZooKeeperException failure)
    {
        if (attempt is not null && failure.Outcome == RequestOutcome.Unknown)
        {
            batch.LeaveOpen(attempt);
            return true;
        }

        batch.NothingDone();
        // What is open is never given up: the next batch could not know the marker's version.
        if (batch.IsOpen || StoreCalls.MayPass(failure))
        {
            return true;
        }

        batch.Fail(new StoreUnavailableException("ZooKeeper refuses the change.", failure));
        return false;
    }

    /// <summary>The marker has moved on: one of the open attempts was applied. Finds out which, and what only its reply told.</summary>
    private async Task FindOutAsync(Batch batch)
    {
        for (int failures = 0; ; failures++)
        {
            try
            {
                ZooKeeperClient client = await _sessions.ConnectedAsync(_disposing.Token).ConfigureAwait(false);
                (long Number, Stat Marker)? applied = await _marker.ReadAsync(client, _disposing.Token).ConfigureAwait(false);
                if (applied is not { } found || batch.FindOpen(found.Number) is not { } attempt)
                {
                    Log.OutcomeLost(_logger);
                    _marker.Replace();
                    batch.Fail(new EffectUnknownException("ZooKeeper's answer was lost and cannot be found out any more."));
                    return;
                }

                string?[] created = await LostNames.FindAsync(client, attempt.Units, _disposing.Token).ConfigureAwait(false);
                _marker.Advance();
                batch.Applied(attempt, attempt.Results(found.Marker, created, read: null));
                Log.Settled(_logger, attempt.Units.Length);
                return;
            }
            catch (ZooKeeperException e)
            {
                Log.Retried(_logger, e.Message);
                await PauseAsync(failures).ConfigureAwait(false);
            }
        }
    }

    /// <summary>10 ms to half a second: a server that closes the connection over what we send must not be stormed.</summary>
    private Task PauseAsync(int failures)
    {
        double milliseconds = Math.Min(500, 10 << Math.Min(failures, 10)) * (0.5 + (Random.Shared.NextDouble() / 2));
        return Task.Delay(TimeSpan.FromMilliseconds(milliseconds), _clock, _disposing.Token);
    }

    private async Task RemoveMarkerAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1), _clock);
        try
        {
            await _marker.DeleteAsync(_sessions.Current, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ZooKeeperException or OperationCanceledException)
        {
            Log.MarkerLeft(_logger, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Information, "A batch is tried again: {Reason}")]
        internal static partial void Retried(ILogger logger, string reason);

        [LoggerMessage(31, LogLevel.Information, "A batch of {Units} units whose reply was lost was found to be applied")]
        internal static partial void Settled(ILogger logger, int units);

        [LoggerMessage(32, LogLevel.Warning, "The lane's marker was lost ({Error}); going on with a new one")]
        internal static partial void MarkerLost(ILogger logger, ErrorCode error);

        [LoggerMessage(33, LogLevel.Error, "The lane's marker was lost while a batch's outcome was open; its callers are told that it is unknown")]
        internal static partial void OutcomeLost(ILogger logger);

        [LoggerMessage(35, LogLevel.Error, "A batch could not be settled")]
        internal static partial void Broken(ILogger logger, Exception exception);

        [LoggerMessage(34, LogLevel.Information, "The lane's marker was left to the sweeper: {Reason}")]
        internal static partial void MarkerLeft(ILogger logger, string reason);
    }
}
