namespace LockService.Testing.Histories;

/// <summary>
/// First come, first served. A waiter that was seen in the queue has the lock before everybody who asked for it only after that, or was seen
/// behind it, unless both share it, or it left first.
/// </summary>
public static class FifoChecker
{
    /// <summary>Checks the queues of all locks.</summary>
    /// <param name="history">What happened.</param>
    /// <param name="mostExcluded">The share of the waiters that were seen, 0 to 1, of whom nothing need be known. Default: 0.05, for times without faults.</param>
    public static CheckReport Check(LockHistory history, double mostExcluded = 0.05)
    {
        ArgumentNullException.ThrowIfNull(history);
        var violations = new List<string>();
        var excluded = new List<LockOperation>();
        int waiters = 0;
        int cameBack = 0;
        int pairs = 0;
        ILookup<string, QueueSighting> sightings = history.Sightings.ToLookup(sighting => sighting.Lock);
        foreach (IGrouping<string, LockOperation> ofLock in history.Operations.Where(o => o.Call == LockCall.Acquire).GroupBy(o => o.Lock))
        {
            LockOperation[] calls = [.. ofLock.OrderBy(call => call.Invoked)];
            var byOwner = calls.ToDictionary(call => call.Owner);
            var behind = new Dictionary<LockOperation, HashSet<LockOperation>>();
            foreach (QueueSighting sighting in sightings[ofLock.Key])
            {
                foreach ((LockOperation waiter, IEnumerable<LockOperation> others) in Seen(sighting, calls, byOwner))
                {
                    behind.TryAdd(waiter, []);
                    behind[waiter].UnionWith(others);
                }
            }

            waiters += behind.Count;
            foreach ((LockOperation waiter, HashSet<LockOperation> others) in behind)
            {
                if (waiter.Repeated is not null)
                {
                    // It left its place, and has another one since.
                    cameBack++;
                    continue;
                }

                if (waiter is { Outcome: CallOutcome.Unknown, HungUp: null } || waiter.Status == 503)
                {
                    excluded.Add(waiter);
                    continue;
                }

                LockOperation[] compared = [.. others.Where(other => other.Outcome == CallOutcome.Done && (!other.Shared || !waiter.Shared))];
                pairs += compared.Length;
                violations.AddRange(compared.Where(other => IsBefore(other, waiter)).Select(other => $"{other} was served before {waiter}."));
            }
        }

        if (excluded.Count > mostExcluded * waiters)
        {
            violations.Add($"{excluded.Count} of {waiters} waiters had to be left out: {string.Join("; ", excluded.Take(5))}.");
        }

        return new CheckReport("fifo", violations, new Dictionary<string, double>
        {
            ["waiters seen"] = waiters, ["pairs"] = pairs, ["came back"] = cameBack, ["excluded"] = excluded.Count,
        });
    }

    /// <summary>Each waiter of a sighting with those who stand behind it there, and those who asked after it, while it waited.</summary>
    private static IEnumerable<(LockOperation Waiter, IEnumerable<LockOperation> Behind)> Seen(
        QueueSighting sighting, LockOperation[] calls, Dictionary<string, LockOperation> byOwner)
    {
        LockOperation[] line = [.. sighting.Waiters.Select(owner => byOwner.GetValueOrDefault(owner)).OfType<LockOperation>()];
        int first = FirstAfter(calls, sighting.Completed);
        for (int place = 0; place < line.Length; place++)
        {
            LockOperation waiter = line[place];
            IEnumerable<LockOperation> later = calls.Skip(first).TakeWhile(call => call.Invoked < waiter.Completed);
            yield return (waiter, line.Skip(place + 1).Concat(later));
        }
    }

    private static bool IsBefore(LockOperation other, LockOperation waiter) => waiter.Outcome == CallOutcome.Done
        ? other.Token < waiter.Token
        : other.Completed < (waiter.HungUp ?? waiter.Invoked + waiter.Wait);

    private static int FirstAfter(LockOperation[] calls, TimeSpan moment)
    {
        int low = 0;
        int high = calls.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = calls[middle].Invoked > moment ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
