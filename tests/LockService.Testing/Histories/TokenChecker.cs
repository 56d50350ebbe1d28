namespace LockService.Testing.Histories;

/// <summary>
/// Fencing tokens: a lease is given to one caller and has one token; a grant that is asked for after another one was answered has a higher token,
/// and no two have the same, unless both are shared.
/// </summary>
public static class TokenChecker
{
    /// <summary>Checks the tokens of all locks.</summary>
    public static CheckReport Check(LockHistory history)
    {
        var violations = new List<string>();
        int compared = 0;
        LockOperation[] grants = [.. history.Operations.Where(o => o is { Call: LockCall.Acquire, Outcome: CallOutcome.Done })];
        violations.AddRange(grants.GroupBy(grant => grant.LeaseId).Where(same => same.Count() > 1)
            .Select(same => $"One lease was given to two callers: {string.Join("; ", same)}."));
        var tokens = grants.DistinctBy(grant => grant.LeaseId).ToDictionary(grant => grant.LeaseId, grant => grant.Token);
        violations.AddRange(history.Operations
            .Where(o => o is { Call: LockCall.Renew, Outcome: CallOutcome.Done } && tokens.TryGetValue(o.LeaseId, out long token) && token != o.Token)
            .Select(renewal => $"The token of a lease changed from {tokens[renewal.LeaseId]}: {renewal}."));

        foreach (LockOperation[] ofLock in grants.GroupBy(grant => grant.Lock).Select(group => group.ToArray()))
        {
            compared += ofLock.Length;
            violations.AddRange(ofLock.GroupBy(grant => grant.Token)
                .Where(same => same.DistinctBy(grant => grant.LeaseId).Count() > 1 && same.Any(grant => !grant.Shared))
                .Select(same => $"One token was given with two leases: {string.Join("; ", same)}."));
            violations.AddRange(Falling(ofLock));
        }

        return new CheckReport("tokens", violations, new Dictionary<string, double> { ["grants"] = compared });
    }

    /// <summary>Goes through the grants as they were asked for, with the highest token of those answered before, of all and of the exclusive ones.</summary>
    private static IEnumerable<string> Falling(LockOperation[] grants)
    {
        LockOperation[] answered = [.. grants.OrderBy(grant => grant.Completed)];
        LockOperation? highest = null;
        LockOperation? highestExclusive = null;
        int next = 0;
        foreach (LockOperation grant in grants.OrderBy(grant => grant.Invoked))
        {
            for (; answered[next].Completed < grant.Invoked; next++)
            {
                LockOperation before = answered[next];
                highest = highest is null || before.Token > highest.Token ? before : highest;
                highestExclusive = !before.Shared && (highestExclusive is null || before.Token > highestExclusive.Token) ? before : highestExclusive;
            }

            if ((grant.Shared ? highestExclusive : highest) is { } earlier && earlier.Token >= grant.Token)
            {
                yield return $"The token did not rise from {earlier} to {grant}.";
            }
        }
    }
}
