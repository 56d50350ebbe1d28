using LockService.ZooKeeper;
using Polly;
using Polly.Retry;

namespace LockService.Recipes.Sessions;

/// <summary>
/// Calls to ZooKeeper with a deadline and with retries, and the translation of what can go wrong into what a caller must know: nothing
/// was done, or it is unknown. What may be retried blindly is retried here; whatever has an effect says itself how it is settled.
/// </summary>
internal sealed class StoreCalls(SessionKeeper sessions, CoordinationOptions options, TimeProvider clock)
{
    private readonly ResiliencePipeline _retries = new ResiliencePipelineBuilder { TimeProvider = clock }
        .AddRetry(new RetryStrategyOptions
        {
            // Bounded by the deadline, not by a count.
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromMilliseconds(10),
            MaxDelay = TimeSpan.FromMilliseconds(500),
            ShouldHandle = new PredicateBuilder().Handle<ZooKeeperException>(MayPass),
        })
        .Build();

    /// <summary>Whether the same call may succeed a moment later.</summary>
    internal static bool MayPass(ZooKeeperException failure) => failure switch
    {
        RequestRefusedException refused => refused.Code is ErrorCode.ThrottledOp or ErrorCode.SessionMoved or ErrorCode.SessionExpired,
        RequestTooLargeException => false,
        _ => true,
    };

    /// <summary>The deadline of a call that starts now and does not wait for anybody but ZooKeeper.</summary>
    internal CancellationTokenSource NewDeadline() => new(options.StoreDeadline, clock);

    /// <summary>Reads, on the present session, as often as it takes.</summary>
    /// <exception cref="StoreUnavailableException">No answer within the deadline.</exception>
    internal Task<T> ReadAsync<T>(Func<ZooKeeperClient, CancellationToken, Task<T>> read, CancellationToken cancellation) =>
        RunAsync((client, _, token) => read(client, token), changes: false, cancellation);

    /// <summary>Reads as one step of a call whose deadline is already running.</summary>
    /// <exception cref="StoreUnavailableException">No answer within the deadline.</exception>
    internal async Task<T> ReadAsync<T>(Func<ZooKeeperClient, CancellationToken, Task<T>> read, Deadline deadline)
    {
        using var limit = new CancellationTokenSource(deadline.Remaining(clock), clock);
        try
        {
            return await ReadAsync(read, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new StoreUnavailableException("ZooKeeper could not be reached in time.");
        }
    }

    /// <summary>
    /// Carries out an effect that knows how to settle itself: when an earlier attempt's outcome is unknown, the next attempt is told so,
    /// and must find out what became of it before it does anything again.
    /// </summary>
    /// <exception cref="StoreUnavailableException">Not done within the deadline, and never will be.</exception>
    /// <exception cref="EffectUnknownException">Not settled within the deadline.</exception>
    internal Task<T> MutateAsync<T>(Func<ZooKeeperClient, bool, CancellationToken, Task<T>> attempt, CancellationToken cancellation) =>
        RunAsync(attempt, changes: true, cancellation);

    private async Task<T> RunAsync<T>(
        Func<ZooKeeperClient, bool, CancellationToken, Task<T>> attempt, bool changes, CancellationToken cancellation)
    {
        using CancellationTokenSource deadline = NewDeadline();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        bool unsettled = false;
        ZooKeeperException? last = null;
        try
        {
            return await _retries.ExecuteAsync(
                async token =>
                {
                    try
                    {
                        ZooKeeperClient client = await sessions.ConnectedAsync(token).ConfigureAwait(false);
                        return await attempt(client, unsettled, token).ConfigureAwait(false);
                    }
                    catch (ZooKeeperException e)
                    {
                        unsettled |= changes && e.Outcome == RequestOutcome.Unknown;
                        last = e;
                        throw;
                    }
                    catch (RequestAbandonedException e)
                    {
                        unsettled |= changes && e.Outcome == RequestOutcome.Unknown;
                        throw;
                    }
                },
                either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw unsettled
                ? new EffectUnknownException("ZooKeeper's answer was lost and could not be found out in time.", last)
                : new StoreUnavailableException("ZooKeeper could not be reached in time.", last);
        }
    }
}
