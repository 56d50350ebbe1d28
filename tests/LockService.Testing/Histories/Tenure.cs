namespace LockService.Testing.Histories;

/// <summary>One grant with everything that was done to its lease.</summary>
internal sealed class Tenure
{
    private readonly IReadOnlyList<LockOperation> _renewals;
    private readonly IReadOnlyList<LockOperation> _releases;

    private Tenure(LockOperation grant, IEnumerable<LockOperation> later)
    {
        Grant = grant;
        ILookup<LockCall, LockOperation> calls = later.ToLookup(operation => operation.Call);
        _renewals = [.. calls[LockCall.Renew]];
        _releases = [.. calls[LockCall.Release]];
        CertainUntil = _releases.Select(release => release.Invoked).Append(DeadlineWithout(null)).Min();
    }

    internal LockOperation Grant { get; }

    /// <summary>Until when the client was entitled to count on the lock.</summary>
    internal TimeSpan CertainUntil { get; }

    internal IEnumerable<LockOperation> Later => _renewals.Concat(_releases);

    /// <summary>
    /// The latest moment at which the lease may have ended, if instances cleared it away without delay; null if that cannot be told, since
    /// nobody knows whether an operation on it happened.
    /// </summary>
    internal TimeSpan? LatestEnd =>
        Later.Any(operation => operation.Outcome == CallOutcome.Unknown) ? null
        : Released is { } release ? release.Completed
        : _renewals.Where(renewal => renewal.Outcome == CallOutcome.Done).Append(Grant).Max(change => change.Completed + change.Ttl);

    /// <summary>The release that ended it; null if it ran out.</summary>
    internal LockOperation? Released => _releases.FirstOrDefault(release => release.Outcome == CallOutcome.Done);

    /// <summary>The grants of each lock in the order of their tokens. A lease that was given twice counts once, see <see cref="TokenChecker"/>.</summary>
    internal static IEnumerable<Tenure[]> ByLock(LockHistory history)
    {
        ILookup<string, LockOperation> later = history.Operations.Where(operation => operation.Call != LockCall.Acquire).ToLookup(operation => operation.LeaseId);
        return history.Operations
            .Where(operation => operation is { Call: LockCall.Acquire, Outcome: CallOutcome.Done })
            .DistinctBy(grant => grant.LeaseId)
            .GroupBy(grant => grant.Lock)
            .Select(grants => grants.OrderBy(grant => grant.Token).Select(grant => new Tenure(grant, later[grant.LeaseId])).ToArray());
    }

    internal bool ConflictsWith(Tenure other) => !Grant.Shared || !other.Grant.Shared;

    /// <summary>
    /// Until when the lease lasts at least, by what its holder was told: the deadline of the last grant or renewal, the lowest one if
    /// several were under way at once. One whose outcome is unknown may have shortened the lease.
    /// </summary>
    /// <param name="doubted">An operation that does not count.</param>
    internal TimeSpan DeadlineWithout(LockOperation? doubted)
    {
        LockOperation[] changes =
            [Grant, .. _renewals.Where(renewal => renewal.Outcome != CallOutcome.Refused && !ReferenceEquals(renewal, doubted))];
        return changes
            .Where(change => !changes.Any(next => next.Outcome == CallOutcome.Done && next.Invoked > change.Completed))
            .Min(change => change.Deadline);
    }

    /// <summary>Whether the lease may have been released before the operation was over.</summary>
    internal bool MayBeReleasedBefore(LockOperation operation) => _releases.Any(release =>
        !ReferenceEquals(release, operation) && release.Outcome != CallOutcome.Refused && release.Invoked < operation.Completed);
}
