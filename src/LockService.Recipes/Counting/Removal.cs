using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;

namespace LockService.Recipes.Counting;

/// <summary>One caller's removal of a counter.</summary>
internal sealed class Removal(CounterCondition condition, Deadline deadline, OutcomeRecord? record)
    : CounterChange<RemoveResult>(deadline, record)
{
    private RemoveResult _result;

    internal override bool IsLast => true;

    internal override byte[] ToOutcome() => "{}"u8.ToArray();

    protected override bool TryApply(ref CounterContent content)
    {
        _result = content.Value is null ? RemoveResult.NotFound
            : condition.HoldsFor(content) ? RemoveResult.Removed
            : RemoveResult.ConditionFailed;
        if (_result == RemoveResult.Removed)
        {
            content = default;
        }

        return _result == RemoveResult.Removed;
    }

    protected override RemoveResult ResultOf(CommitResult? written) => _result;
}
