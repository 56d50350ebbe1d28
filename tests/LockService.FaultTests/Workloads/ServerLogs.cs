using System.Globalization;
using System.Text.RegularExpressions;
using LockService.Testing;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>What the ensemble has logged, read once, when all its members have caught up.</summary>
internal sealed partial class ServerLogs(ZooKeeperEnsemble zooKeeper)
{
    private readonly Lazy<(EnsembleLog Log, int Gaps)> _merged = new(() =>
    {
        IReadOnlyList<LoggedTransaction>[] logs = [.. zooKeeper.Servers.Select(server => server.ReadTransactions())];
        EnsembleLog merged = EnsembleLog.Merge(logs);
        return (merged, zooKeeper.Servers.Select((server, i) => merged.MissingFrom(logs[i], server.Snapshots())).Sum());
    });

    /// <summary>The low half of the last zxid that a leader gives away: the next one is the epoch's end.</summary>
    private const uint LastInEpoch = uint.MaxValue - 1;

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
                ["longest difference of a server's tree, transactions"] = zooKeeper.Servers.Max(server => LongestDifference(server.Log)),
                ["roll-overs"] = log.Transactions.Count(transaction => unchecked((uint)transaction.Zxid) == LastInEpoch),
            },
        };
    }

    /// <summary>
    /// How many transactions in a row a server had a tree that was not its leader's, by the digests that leaders send with them. A tree differs while
    /// the transactions since the beginning of the snapshot are repeated; one that goes on to differ has lost or kept something.
    /// </summary>
    internal static int LongestDifference(IEnumerable<string> log)
    {
        int longest = 0;
        int now = 0;
        foreach (string line in log)
        {
            if (NewTree().IsMatch(line))
            {
                now = 0;
            }
            else if (Mismatch().Match(line) is { Success: true } mismatch)
            {
                now += mismatch.Groups["times"] is { Success: true } times ? int.Parse(times.ValueSpan, CultureInfo.InvariantCulture) : 1;
                longest = Math.Max(longest, now);
            }
        }

        return longest;
    }

    [GeneratedRegex("Getting a snapshot from leader|Reading snapshot ")]
    private static partial Regex NewTree();

    /// <summary>ZooKeeper does not write every one of equal messages, but says how many there were.</summary>
    [GeneratedRegex(@"(\[(?<times>\d+) times\] )?Message: ?Digests are not matching")]
    private static partial Regex Mismatch();
}
