namespace LockService.Testing.Histories;

/// <summary>
/// Mutual exclusion as clients see it. From the answer to a grant until the client released it or had to stop counting on it, nobody else has
/// the lock, unless both share it.
/// </summary>
public static class ExclusionChecker
{
    /// <summary>Checks the grants of all locks against each other.</summary>
    public static CheckReport Check(LockHistory history)
    {
        var violations = new List<string>();
        int grants = 0;
        int locks = 0;
        foreach (Tenure[] tenures in Tenure.ByLock(history))
        {
            locks++;
            grants += tenures.Length;
            var holding = new List<Tenure>();
            foreach (Tenure next in tenures.Where(t => t.CertainUntil > t.Grant.Completed).OrderBy(t => t.Grant.Completed))
            {
                holding.RemoveAll(tenure => tenure.CertainUntil <= next.Grant.Completed);
                violations.AddRange(holding.Where(next.ConflictsWith).Select(held =>
                    $"{next.Grant} has the lock until {next.CertainUntil.TotalMilliseconds:F1} ms together with {held.Grant}, until {held.CertainUntil.TotalMilliseconds:F1} ms."));
                holding.Add(next);
            }
        }

        return new CheckReport("exclusion", violations, new Dictionary<string, double> { ["locks"] = locks, ["grants"] = grants });
    }
}
