using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;

namespace LockService.Recipes.Counting;

/// <summary>One caller's setting of a counter to a value; answered with null if the condition does not hold.</summary>
internal sealed class Assignment(string name, long value, CounterCondition condition, Deadline deadline, OutcomeRecord? record)
    : CounterChange<CounterState?>(deadline, record)
{
    private bool _applied;

    internal override bool IsLast => true;

    /// <summary>Version and time are those of the record: the same transaction made both.</summary>
    internal override byte[] ToOutcome() => new CounterOutcome(value, null).ToBytes();

    protected override bool TryApply(ref CounterContent content)
    {
        _applied = condition.HoldsFor(content);
        if (_applied)
        {
            content = new CounterContent(value, null);
        }

        return _applied;
    }

    protected override CounterState? ResultOf(CommitResult? written) =>
        _applied ? new CounterState(name, value, written!.Zxid, DateTimeOffset.FromUnixTimeMilliseconds(written.CommittedAtMs)) : null;
}
