using Xunit;

namespace LockService.FaultTests.Workloads;

public sealed class ServerLogsTests
{
    [Fact]
    public void A_trees_difference_is_as_long_as_its_transactions_until_the_next_tree_comes() => Assert.Equal(20, ServerLogs.LongestDifference(
    [
        "INFO quorum.Learner - Getting a snapshot from leader 0xeffff8ade",
        "WARN DataTree - Message:Digests are not matching. Value is Zxid. Value:64424479455",
        "INFO persistence.FileTxnSnapLog - Snapshotting: 0xeffff8af1 to snapshot.effff8af1",
        "WARN DataTree - [18 times] Message: Digests are not matching. Value is Zxid. Last value:64424479474",
        "WARN DataTree - Message: Digests are not matching. Value is Zxid. Last value:64424479474",
        "INFO persistence.FileSnap - Reading snapshot snapshot.effff8af1",
        "WARN DataTree - Message:Digests are not matching. Value is Zxid. Value:64424479473",
    ]));
}
