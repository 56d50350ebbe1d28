namespace LockService.Recipes.Commit;

/// <summary>
/// A submitted unit and the caller who waits for its answer. The caller is answered once; if that was before the outcome was known,
/// <see cref="CommitUnit.Unclaimed"/> hears of a commitment.
/// </summary>
internal sealed class PendingUnit(CommitUnit unit, long deadline, long submittedAt)
{
    private const int Waiting = 0;
    private const int Sent = 1;
    private const int Withdrawn = 2;

    private readonly TaskCompletionSource<CommitResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _phase;

    internal CommitUnit Unit => unit;

    /// <summary>When it was submitted, as a timestamp of the clock.</summary>
    internal long SubmittedAt => submittedAt;

    /// <summary>When it has to be taken, even if nobody else has, as a timestamp of the clock; at once by default.</summary>
    internal long Due { get; init; }

    internal Task<CommitResult> Answer => _answer.Task;

    /// <summary>Whether nobody waits any more; what has not been sent then need not be.</summary>
    internal bool IsAnswered => _answer.Task.IsCompleted;

    /// <summary>Claims the unit for sending; false if its caller has been answered.</summary>
    internal bool TryStartSending()
    {
        Interlocked.CompareExchange(ref _phase, Sent, Waiting);
        return Volatile.Read(ref _phase) == Sent && !IsAnswered;
    }

    /// <summary>What was sent is proven to have changed nothing: the caller may again leave without doubt.</summary>
    internal void BackToWaiting() => Interlocked.CompareExchange(ref _phase, Waiting, Sent);

    /// <summary>Answers the caller if his deadline has passed: nothing was done, or nobody knows.</summary>
    internal void ExpireAt(long now)
    {
        if (now < deadline || IsAnswered)
        {
            return;
        }

        _answer.TrySetException(TryWithdraw()
            ? new StoreUnavailableException("ZooKeeper could not be reached in time.")
            : new EffectUnknownException("ZooKeeper's answer was lost or did not come in time."));
    }

    /// <summary>The caller leaves. A unit that was sent may be carried out all the same.</summary>
    internal void Cancel(CancellationToken cancellation)
    {
        TryWithdraw();
        _answer.TrySetCanceled(cancellation);
    }

    /// <summary>The lane stops: what was sent stays in doubt.</summary>
    internal void Abandon() => ExpireAt(long.MaxValue);

    /// <summary>The outcome is known.</summary>
    internal void Settle(CommitResult result)
    {
        if (result.Committed)
        {
            unit.Committed?.Invoke(result);
        }

        if (!_answer.TrySetResult(result) && result.Committed)
        {
            unit.Unclaimed?.Invoke(result);
        }
    }

    /// <summary>The unit did not happen and never will, for a reason that is no answer of its own operations.</summary>
    internal void Fail(Exception failure) => _answer.TrySetException(failure);

    private bool TryWithdraw() => Interlocked.CompareExchange(ref _phase, Withdrawn, Waiting) == Waiting;
}
