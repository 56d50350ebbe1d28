using LockService.Recipes.Sessions;

namespace LockService.Recipes.Counting;

/// <summary>One caller's increment in a counter's line.</summary>
internal sealed class Increment(IncrementOptions options, Deadline deadline)
{
    private readonly TaskCompletionSource<IncrementResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Deadline Deadline => deadline;

    internal Task<IncrementResult> Answer => _answer.Task;

    /// <summary>What the increment makes of a value; of none, if the counter does not exist.</summary>
    internal IncrementResult ApplyTo(long? present)
    {
        long previous = present ?? options.Initial;
        Int128 sum = (Int128)previous + options.By;
        return sum >= options.Min && sum <= options.Max
            ? new IncrementResult((long)sum, previous, InRange: true)
            : new IncrementResult(previous, previous, InRange: false);
    }

    internal void Settle(IncrementResult result) => _answer.TrySetResult(result);

    internal void Fail(Exception failure) => _answer.TrySetException(failure);

    internal void Cancel(CancellationToken cancellation) => _answer.TrySetCanceled(cancellation);
}
