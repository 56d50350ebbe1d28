using LockService.Testing.Histories;

namespace LockService.Api.Tests.Histories;

/// <summary>Histories by hand, in milliseconds; everything about the lock "l" unless said otherwise.</summary>
internal static class Written
{
    internal static LockHistory History(params object[] records)
    {
        var history = new LockHistory();
        foreach (object record in records)
        {
            if (record is LockOperation operation)
            {
                history.Add(operation);
            }
            else
            {
                history.Add((QueueSighting)record);
            }
        }

        return history;
    }

    /// <summary>A lease of a second, given at once. The lease id is the owner.</summary>
    internal static LockOperation Grant(string owner, int invoked, int completed, long token) => new()
    {
        Call = LockCall.Acquire,
        Lock = "l",
        Owner = owner,
        LeaseId = owner,
        Invoked = Ms(invoked),
        Completed = Ms(completed),
        Outcome = CallOutcome.Done,
        Status = 200,
        Token = token,
        Ttl = Ms(1_000),
        Wait = Ms(5_000),
    };

    internal static LockOperation Held(string owner, int invoked, int completed, int wait) =>
        Grant(owner, invoked, completed, 0) with { LeaseId = "", Outcome = CallOutcome.Refused, Status = 409, Wait = Ms(wait) };

    internal static LockOperation HungUp(string owner, int invoked, int hungUp, int completed) =>
        Grant(owner, invoked, completed, 0) with { LeaseId = "", Outcome = CallOutcome.Unknown, Status = 0, HungUp = Ms(hungUp) };

    internal static LockOperation Renewal(string owner, int invoked, int completed, long token) =>
        Grant(owner, invoked, completed, token) with { Call = LockCall.Renew };

    internal static LockOperation Release(string owner, int invoked, int completed) =>
        Grant(owner, invoked, completed, 0) with { Call = LockCall.Release, Status = 204 };

    internal static LockOperation Lost(this LockOperation operation) => operation with { Outcome = CallOutcome.Refused, Status = 410 };

    internal static LockOperation Unknown(this LockOperation operation) => operation with { Outcome = CallOutcome.Unknown, Status = 504 };

    internal static LockOperation Shared(this LockOperation operation) => operation with { Shared = true };

    internal static LockOperation After(this LockOperation operation, int waited) => operation with { Waited = Ms(waited) };

    internal static QueueSighting Seen(int invoked, int completed, params string[] waiters) => new("l", Ms(invoked), Ms(completed), waiters);

    internal static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
