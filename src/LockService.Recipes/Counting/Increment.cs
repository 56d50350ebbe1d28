using LockService.Recipes.Commit;
using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;

namespace LockService.Recipes.Counting;

/// <summary>One caller's increment.</summary>
internal sealed class Increment(IncrementOptions options, Deadline deadline, OutcomeRecord? record)
    : CounterChange<IncrementResult>(deadline, record)
{
    private IncrementResult _result;

    internal override bool IsLast => false;

    internal override byte[] ToOutcome() => new CounterOutcome(_result.Value, _result.Previous).ToBytes();

    protected override bool TryApply(ref CounterContent content)
    {
        long previous = content.Value ?? options.Initial;
        Int128 sum = (Int128)previous + options.By;
        bool inRange = sum >= options.Min && sum <= options.Max;
        _result = new IncrementResult(inRange ? (long)sum : previous, previous, inRange);
        if (inRange)
        {
            content = new CounterContent(_result.Value, null);
        }

        return inRange;
    }

    protected override IncrementResult ResultOf(CommitResult? written) => _result;
}
