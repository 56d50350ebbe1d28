using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>The operations on locks whose outcome was open, by how that ended.</summary>
internal static class OpenLockCalls
{
    internal static IReadOnlyDictionary<string, int> Of(LockHistory history) => history.Operations
        .Where(operation => operation.Outcome == CallOutcome.Unknown || operation.Repeated is not null)
        .GroupBy(operation => operation switch
        {
            { Outcome: CallOutcome.Done } => "repeated, done",
            { Outcome: CallOutcome.Refused } => "repeated, refused",
            { HungUp: not null } => "hung up",
            _ => "left open",
        })
        .ToDictionary(same => same.Key, same => same.Count());
}
