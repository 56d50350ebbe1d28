namespace LockService.Testing.Histories;

/// <summary>
/// Counters: no two increments have the same value, and what begins when something else is over does not see less than that; nothing is seen
/// of increments that were not yet sent, or were refused; and in the end each increment that was acknowledged is there once, no other one is
/// unless its outcome is open.
/// </summary>
public static class CounterChecker
{
    /// <summary>Checks all counters.</summary>
    /// <param name="history">What happened.</param>
    /// <param name="last">The value of each counter when all was over.</param>
    public static CheckReport Check(CounterHistory history, IReadOnlyDictionary<string, long> last)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(last);
        var violations = new List<string>();
        int done = 0;
        int open = 0;
        int reads = 0;
        ILookup<string, CounterOperation> byCounter = history.Operations.ToLookup(operation => operation.Counter);
        foreach (IGrouping<string, CounterOperation> counter in byCounter)
        {
            CounterOperation[] told = [.. counter.Where(operation => operation.Outcome == CallOutcome.Done)];
            CounterOperation[] increments = [.. told.Where(operation => !operation.IsRead)];
            CounterOperation[] perhaps = [.. counter.Where(operation => operation is { IsRead: false, Outcome: CallOutcome.Unknown })];
            done += increments.Length;
            open += perhaps.Length;
            reads += told.Length - increments.Length;

            violations.AddRange(increments.Where(increment => increment.Values.Distinct().Count() != 1).Select(increment => $"One increment has several values: {increment}."));
            violations.AddRange(increments.GroupBy(increment => increment.Values[0]).Where(same => same.Count() > 1)
                .Select(same => $"Increments have the same value: {string.Join("; ", same)}."));
            violations.AddRange(Falling(told));
            violations.AddRange(OutOfBounds(told, increments, [.. increments, .. perhaps]));
            violations.AddRange(Total(counter.Key, last, increments.Length, perhaps.Length));
        }

        return new CheckReport("counters", violations, new Dictionary<string, double>
        {
            ["counters"] = byCounter.Count, ["increments"] = done, ["left open"] = open, ["reads"] = reads,
        });
    }

    /// <summary>Goes through what was told as it was asked for, with the highest value told before.</summary>
    private static IEnumerable<string> Falling(CounterOperation[] told)
    {
        CounterOperation[] answered = [.. told.OrderBy(operation => operation.Completed)];
        CounterOperation? highest = null;
        int next = 0;
        foreach (CounterOperation operation in told.OrderBy(operation => operation.Invoked))
        {
            for (; answered[next].Completed < operation.Invoked; next++)
            {
                highest = highest is null || answered[next].Values[0] > highest.Values[0] ? answered[next] : highest;
            }

            if (highest is not null && (operation.IsRead ? operation.Values[0] < highest.Values[0] : operation.Values[0] <= highest.Values[0]))
            {
                yield return $"The value did not rise from {highest} to {operation}.";
            }
        }
    }

    /// <summary>A value counts at least the increments that were over before it was asked for, and at most those that were sent before it was told.</summary>
    private static IEnumerable<string> OutOfBounds(CounterOperation[] told, CounterOperation[] increments, CounterOperation[] possible)
    {
        TimeSpan[] over = [.. increments.Select(increment => increment.Completed).Order()];
        TimeSpan[] sent = [.. possible.Select(increment => increment.Invoked).Order()];
        foreach (CounterOperation operation in told)
        {
            int least = Before(over, operation.Invoked) + (operation.IsRead ? 0 : 1);
            int most = Before(sent, operation.Completed);
            if (operation.Values[0] < least || operation.Values[0] > most)
            {
                yield return $"There must be {least} to {most} increments: {operation}.";
            }
        }
    }

    private static IEnumerable<string> Total(string counter, IReadOnlyDictionary<string, long> last, int done, int open)
    {
        if (!last.TryGetValue(counter, out long value))
        {
            yield return $"Nobody knows what became of {counter}.";
        }
        else if (value < done || value > done + open)
        {
            yield return $"{counter} is {value} after {done} increments, and {open} of which nobody knows.";
        }
    }

    /// <summary>How many of the sorted moments lie before another one.</summary>
    private static int Before(TimeSpan[] sorted, TimeSpan moment)
    {
        int low = 0;
        int high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = sorted[middle] < moment ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
