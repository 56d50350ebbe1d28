using System.Globalization;

namespace LockService.Testing.Histories;

/// <summary>
/// The second witness: what ZooKeeper's own log says of the locks, in the order of its transactions. In no directory are there two
/// holders of whom one is exclusive; a holder is created in the transaction that deletes the waiter with its number, or makes its directory; nobody
/// with a lower number who blocks it is there then; and every grant that a client was told of is such a transaction.
/// </summary>
public static class LockLogChecker
{
    private const int SequenceLength = 10;
    private const int GuidVersionAt = 17;

    /// <summary>Checks all locks.</summary>
    /// <param name="transactions">The log, in order.</param>
    /// <param name="parent">The node above the locks.</param>
    /// <param name="history">What clients were told.</param>
    public static CheckReport Check(IEnumerable<LoggedTransaction> transactions, string parent, LockHistory history)
    {
        ArgumentNullException.ThrowIfNull(transactions);
        ArgumentNullException.ThrowIfNull(history);
        var violations = new List<string>();
        var present = new Dictionary<string, List<Contender>>();
        var grants = new HashSet<(string Lock, long Token)>();
        int holders = 0;
        int handOvers = 0;
        foreach (LoggedTransaction transaction in transactions)
        {
            Step step = Apply(transaction, parent, present);
            foreach (Contender holder in step.Created.Where(contender => contender.IsHolder))
            {
                holders++;
                handOvers += step.Deleted.Any(contender => contender.IsHolder && contender.Lock == holder.Lock) ? 1 : 0;
                grants.Add((holder.Lock, transaction.Zxid));
                violations.AddRange(Faults(holder, present[holder.Lock], step).Select(fault => $"Transaction {transaction.Zxid}: {holder.Name} of {holder.Lock} {fault}."));
            }
        }

        violations.AddRange(history.Operations
            .Where(o => o is { Call: LockCall.Acquire, Outcome: CallOutcome.Done } && !grants.Contains((o.Lock, o.Token)))
            .Select(told => $"No transaction of ZooKeeper is this grant: {told}."));
        return new CheckReport("log", violations, new Dictionary<string, double> { ["grants"] = holders, ["handed over by a release"] = handOvers });
    }

    private static Step Apply(LoggedTransaction transaction, string parent, Dictionary<string, List<Contender>> present)
    {
        var step = new Step([], [], []);
        foreach (LoggedChange change in transaction.Changes.Where(change => change.Path.StartsWith(parent + "/", StringComparison.Ordinal)))
        {
            string[] parts = change.Path[(parent.Length + 1)..].Split('/');
            if (!present.TryGetValue(parts[0], out List<Contender>? line))
            {
                present[parts[0]] = line = [];
            }

            if (parts.Length == 1)
            {
                _ = change.IsCreation && step.Made.Add(parts[0]);
            }
            else if (Contender.Parse(parts[0], parts[1]) is not { } contender)
            {
                continue;
            }
            else if (change.IsCreation)
            {
                line.Add(contender);
                if (!step.Deleted.Remove(contender))
                {
                    step.Created.Add(contender);
                }
            }
            else
            {
                line.Remove(contender);
                if (!step.Created.Remove(contender))
                {
                    step.Deleted.Add(contender);
                }
            }
        }

        return step;
    }

    private static IEnumerable<string> Faults(Contender holder, List<Contender> line, Step step)
    {
        foreach (Contender other in line.Where(other => other != holder && (!other.Shared || !holder.Shared)))
        {
            if (other.IsHolder)
            {
                yield return $"has the lock together with {other.Name}";
            }
            else if (other.Sequence < holder.Sequence)
            {
                yield return $"has the lock before {other.Name}";
            }
        }

        if (!step.Made.Contains(holder.Lock) && !step.Deleted.Any(waiter => !waiter.IsHolder && waiter.Lock == holder.Lock && waiter.Sequence == holder.Sequence))
        {
            yield return "was created although no waiter with its number was there";
        }
    }

    /// <summary>What one transaction did in the end: contenders that it created and deleted, locks whose directory it made.</summary>
    private sealed record Step(List<Contender> Created, List<Contender> Deleted, HashSet<string> Made);

    /// <summary>A child of a lock's directory.</summary>
    private sealed record Contender(string Lock, string Name, bool Shared, bool IsHolder, int Sequence)
    {
        /// <summary>As the names are documented: <c>_c_&lt;guid&gt;-__WRIT__N</c>, where the GUID's version is 8 for a holder, 9 for one of several locks.</summary>
        internal static Contender? Parse(string name, string child) =>
            child.Length > SequenceLength && int.TryParse(child.AsSpan(child.Length - SequenceLength), NumberStyles.None, CultureInfo.InvariantCulture, out int sequence)
                ? new Contender(name, child, child.Contains("-__READ__", StringComparison.Ordinal), child.Length > GuidVersionAt && child[GuidVersionAt] is '8' or '9', sequence)
                : null;
    }
}
