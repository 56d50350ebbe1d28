using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;

namespace LockService.Recipes.Counting;

/// <summary>A counter as a change finds it.</summary>
/// <param name="Value">Null if there is no counter.</param>
/// <param name="Zxid">
/// The transaction that last changed it; null behind a change that is to be part of the same write, since no condition can name that yet.
/// </param>
internal readonly record struct CounterContent(long? Value, long? Zxid);

/// <summary>What one caller in a counter's line wants.</summary>
/// <param name="deadline">By when its caller is answered.</param>
/// <param name="record">What is created along with it; null for nothing.</param>
internal abstract class CounterChange(Deadline deadline, OutcomeRecord? record)
{
    internal Deadline Deadline => deadline;

    internal OutcomeRecord? Record => record;

    /// <summary>Whether it changed the counter when it was applied last.</summary>
    internal bool IsEffective { get; private set; }

    internal abstract bool IsAnswered { get; }

    /// <summary>
    /// Whether nothing may follow it in the same write: its answer tells the version, and a second change of that version would be taken
    /// for the first one.
    /// </summary>
    internal abstract bool IsLast { get; }

    /// <summary>Makes the change. May be called again, when the counter turns out to be another one.</summary>
    /// <returns>False if it is refused and the counter stays as it is.</returns>
    internal bool Apply(ref CounterContent content) => IsEffective = TryApply(ref content);

    /// <summary>What is recorded of it when it is done.</summary>
    internal abstract byte[] ToOutcome();

    /// <summary>Its record could not be created: it has happened before.</summary>
    internal abstract void Collide();

    /// <summary>What was applied last is done.</summary>
    /// <param name="written">The write that it was part of; null if that changed nothing.</param>
    internal abstract void Settle(CommitResult? written);

    /// <summary>It did not happen, or nobody knows.</summary>
    internal abstract void Fail(Exception failure);

    /// <summary>The caller leaves. What was sent may be carried out all the same.</summary>
    internal abstract void Cancel(CancellationToken cancellation);

    /// <inheritdoc cref="Apply"/>
    protected abstract bool TryApply(ref CounterContent content);
}

/// <inheritdoc/>
internal abstract class CounterChange<TResult>(Deadline deadline, OutcomeRecord? record) : CounterChange(deadline, record)
{
    private readonly TaskCompletionSource<KeyedAnswer<TResult>> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Task<KeyedAnswer<TResult>> Answer => _answer.Task;

    internal sealed override bool IsAnswered => _answer.Task.IsCompleted;

    internal sealed override void Settle(CommitResult? written) =>
        _answer.TrySetResult(IsEffective ? KeyedAnswer.Done(ResultOf(written)) : KeyedAnswer.Refused(ResultOf(written)));

    internal sealed override void Collide() => _answer.TrySetResult(KeyedAnswer.Collided<TResult>());

    internal sealed override void Fail(Exception failure) => _answer.TrySetException(failure);

    internal sealed override void Cancel(CancellationToken cancellation) => _answer.TrySetCanceled(cancellation);

    /// <summary>The answer to what was applied last.</summary>
    protected abstract TResult ResultOf(CommitResult? written);
}
