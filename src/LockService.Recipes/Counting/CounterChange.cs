using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;

namespace LockService.Recipes.Counting;

/// <summary>A counter as a change finds it.</summary>
/// <param name="Value">Null if there is no counter.</param>
/// <param name="Zxid">
/// The transaction that last changed it; null behind a change that is to be part of the same write, since no condition can name that yet.
/// </param>
internal readonly record struct CounterContent(long? Value, long? Zxid);

/// <summary>What one caller in a counter's line wants.</summary>
internal abstract class CounterChange(Deadline deadline)
{
    internal Deadline Deadline => deadline;

    internal abstract bool IsAnswered { get; }

    /// <summary>
    /// Whether nothing may follow it in the same write: its answer tells the version, and a second change of that version would be taken
    /// for the first one.
    /// </summary>
    internal abstract bool IsLast { get; }

    /// <summary>Makes the change. May be called again, when the counter turns out to be another one.</summary>
    /// <returns>False if it is refused and the counter stays as it is.</returns>
    internal abstract bool TryApply(ref CounterContent content);

    /// <summary>What was applied last is done.</summary>
    /// <param name="written">The write that it was part of; null if that changed nothing.</param>
    internal abstract void Settle(CommitResult? written);

    /// <summary>It did not happen, or nobody knows.</summary>
    internal abstract void Fail(Exception failure);

    /// <summary>The caller leaves. What was sent may be carried out all the same.</summary>
    internal abstract void Cancel(CancellationToken cancellation);
}

/// <inheritdoc/>
internal abstract class CounterChange<TResult>(Deadline deadline) : CounterChange(deadline)
{
    private readonly TaskCompletionSource<TResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<TResult> Answer => _answer.Task;

    internal sealed override bool IsAnswered => _answer.Task.IsCompleted;

    internal sealed override void Settle(CommitResult? written) => _answer.TrySetResult(ResultOf(written));

    internal sealed override void Fail(Exception failure) => _answer.TrySetException(failure);

    internal sealed override void Cancel(CancellationToken cancellation) => _answer.TrySetCanceled(cancellation);

    /// <summary>The answer to what was applied last.</summary>
    protected abstract TResult ResultOf(CommitResult? written);
}
