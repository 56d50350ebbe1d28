using LockService.ZooKeeper;

namespace LockService.Recipes.Commit;

/// <summary>
/// An operation that the caller of a recipe wanted to happen together with the effect was refused, and the effect with it. Nothing was done.
/// </summary>
internal sealed class CompanionRefusedException : CoordinationException
{
    internal CompanionRefusedException(CommitResult refusal, int firstCompanion)
        : base($"An operation that was to happen together with the change was refused: {refusal.Error}.")
    {
        Error = refusal.Error;
        Index = refusal.FailedIndex - firstCompanion;
    }

    internal ErrorCode Error { get; }

    /// <summary>Which of the caller's operations it was.</summary>
    internal int Index { get; }
}
