namespace LockService.Testing.Histories;

/// <summary>The transactions of an ensemble whose members are all there and have caught up, from the log of each.</summary>
/// <param name="Transactions">Those that were committed, in order.</param>
/// <param name="Violations">Transactions on which logs do not agree, one sentence each.</param>
/// <param name="Missing">How many are not in all logs.</param>
/// <param name="Discarded">How many were left out, because one member has them alone.</param>
public sealed record EnsembleLog(IReadOnlyList<LoggedTransaction> Transactions, IReadOnlyList<string> Violations, int Missing, int Discarded)
{
    /// <summary>
    /// Puts the logs together by their numbers, which rise with the epoch too. What one member alone has logged, although the logs of the others
    /// begin before and end after it, was never committed.
    /// </summary>
    /// <param name="logs">The log of each member, in order.</param>
    public static EnsembleLog Merge(IReadOnlyList<IReadOnlyList<LoggedTransaction>> logs)
    {
        ArgumentNullException.ThrowIfNull(logs);
        var transactions = new SortedDictionary<long, (LoggedTransaction Transaction, int Logs)>();
        var violations = new List<string>();
        foreach (LoggedTransaction transaction in logs.SelectMany(log => log.DistinctBy(transaction => transaction.Zxid)))
        {
            if (!transactions.TryGetValue(transaction.Zxid, out (LoggedTransaction Transaction, int Logs) known))
            {
                transactions.Add(transaction.Zxid, (transaction, 1));
            }
            else
            {
                transactions[transaction.Zxid] = (known.Transaction, known.Logs + 1);
                if (!known.Transaction.Changes.SequenceEqual(transaction.Changes))
                {
                    violations.Add($"Transaction {transaction.Zxid} is not the same in all logs.");
                }
            }
        }

        bool IsCommitted((LoggedTransaction Transaction, int Logs) logged) =>
            logged.Logs > 1 || logs.Count(log => Covers(log, logged.Transaction.Zxid)) < logs.Count;

        LoggedTransaction[] committed = [.. transactions.Values.Where(IsCommitted).Select(logged => logged.Transaction)];
        return new EnsembleLog(
            committed, violations, transactions.Values.Count(logged => logged.Logs < logs.Count), transactions.Count - committed.Length);
    }

    /// <summary>
    /// How many transactions in the logs of the others a member has neither logged nor got with a snapshot, although it went on logging afterwards. Some
    /// may never have been committed; hundreds are a ZooKeeper that lost what it had acknowledged, and not the service's doing.
    /// </summary>
    /// <param name="log">The member's log.</param>
    /// <param name="snapshots">The last transaction in each of its snapshots.</param>
    public int MissingFrom(IReadOnlyList<LoggedTransaction> log, IReadOnlyCollection<long> snapshots)
    {
        ArgumentNullException.ThrowIfNull(log);
        var own = new SortedSet<long>(log.Select(transaction => transaction.Zxid));
        var covering = new SortedSet<long>(snapshots);
        long Next(long zxid) => own.GetViewBetween(zxid, own.Max).Min;
        return Transactions.Select(transaction => transaction.Zxid).Count(zxid =>
            own.Count > 0 && own.Min < zxid && zxid < own.Max && !own.Contains(zxid) && covering.GetViewBetween(zxid, Next(zxid) - 1).Count == 0);
    }

    private static bool Covers(IReadOnlyList<LoggedTransaction> log, long zxid) => log.Count > 0 && log[0].Zxid <= zxid && log[^1].Zxid >= zxid;
}
