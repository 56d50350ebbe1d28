using LockService.Testing;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>What the ensemble has logged, read once, when all its members have caught up.</summary>
internal sealed class ServerLogs(ZooKeeperEnsemble zooKeeper)
{
    private readonly Lazy<(EnsembleLog Log, int Gaps)> _merged = new(() =>
    {
        IReadOnlyList<LoggedTransaction>[] logs = [.. zooKeeper.Servers.Select(server => server.ReadTransactions())];
        EnsembleLog merged = EnsembleLog.Merge(logs);
        return (merged, zooKeeper.Servers.Select((server, i) => merged.MissingFrom(logs[i], server.Snapshots())).Sum());
    });

    /// <summary>The low half of the last zxid that a leader gives away: the next one is the epoch's end.</summary>
    private const uint LastInEpoch = uint.MaxValue - 1;

    /// <summary>
    /// What a server logs, once for each tree that it loads or is sent, when a digest of its nodes is not the one that the leader sent with a transaction.
    /// </summary>
    private const string DigestMismatch = "First digest mismatch on txn";

    /// <summary>What the log says of locks, and whether the members agree on it.</summary>
    internal CheckReport Check(LockHistory history)
    {
        (EnsembleLog log, int gaps) = _merged.Value;
        CheckReport report = LockLogChecker.Check(log.Transactions, "/lockservice/locks", history);
        return report with
        {
            Violations = [.. report.Violations, .. log.Violations],
            Figures = new Dictionary<string, double>(report.Figures)
            {
                ["transactions"] = log.Transactions.Count, ["not in all logs"] = log.Missing, ["in one alone"] = log.Discarded, ["gaps in servers' logs"] = gaps,
                ["servers' trees that differed"] = zooKeeper.Servers.Sum(server => server.Log.Count(line => line.Contains(DigestMismatch, StringComparison.Ordinal))),
                ["roll-overs"] = log.Transactions.Count(transaction => unchecked((uint)transaction.Zxid) == LastInEpoch),
            },
        };
    }
}
