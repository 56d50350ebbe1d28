using LockService.ZooKeeper;
using Polly;
using Polly.Retry;

namespace LockService.Recipes.Sessions;

/// <summary>
/// Calls to ZooKeeper that may be repeated blindly, with a deadline and with retries, and the translation of what can go wrong into what a
/// caller must know. Whatever has an effect goes through the commit lanes instead.
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

    /// <summary>What a caller is told when the server refuses a call for a reason that is no answer to it.</summary>
    internal static StoreUnavailableException Unavailable(RequestRefusedException refusal) => new($"ZooKeeper refuses the call: {refusal.Code}.", refusal);

    /// <summary>Reads, on the present session, as often as it takes.</summary>
    /// <exception cref="StoreUnavailableException">No answer within the deadline, or refused.</exception>
    internal async Task<T> ReadAsync<T>(Func<ZooKeeperClient, CancellationToken, Task<T>> read, CancellationToken cancellation)
    {
        using CancellationTokenSource deadline = NewDeadline();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        ZooKeeperException? last = null;
        try
        {
            return await _retries.ExecuteAsync(
                async token =>
                {
                    try
                    {
                        ZooKeeperClient client = await sessions.ConnectedAsync(token).ConfigureAwait(false);
                        return await read(client, token).ConfigureAwait(false);
                    }
                    catch (ZooKeeperException e)
                    {
                        last = e;
                        throw;
                    }
                },
                either.Token).ConfigureAwait(false);
        }
        catch (RequestRefusedException e)
        {
            throw Unavailable(e);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new StoreUnavailableException("ZooKeeper could not be reached in time.", last);
        }
    }

    /// <summary>Reads as one step of a call whose deadline is already running.</summary>
    /// <exception cref="StoreUnavailableException">No answer within the deadline, or refused.</exception>
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
}
