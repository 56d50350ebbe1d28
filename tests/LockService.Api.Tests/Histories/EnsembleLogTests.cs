using LockService.Testing.Histories;
using Xunit;

namespace LockService.Api.Tests.Histories;

public sealed class EnsembleLogTests
{
    private const long NextEpoch = 1L << 32;

    [Fact]
    public void Logs_are_put_together_in_the_order_of_epochs_and_numbers()
    {
        LoggedTransaction[] log = [At(NextEpoch - 1), At(NextEpoch + 1)];
        EnsembleLog merged = EnsembleLog.Merge([log, log, [At(NextEpoch + 1)]]);

        Assert.Equal([NextEpoch - 1, NextEpoch + 1], merged.Transactions.Select(transaction => transaction.Zxid));
        Assert.Equal((1, 0), (merged.Missing, merged.Discarded));
        Assert.Empty(merged.Violations);
    }

    [Fact]
    public void What_only_one_member_has_amid_the_logs_of_the_others_was_never_committed()
    {
        LoggedTransaction[] log = [At(1), At(NextEpoch + 1)];
        EnsembleLog merged = EnsembleLog.Merge([log, log, [At(1), At(2), At(NextEpoch + 1)]]);

        Assert.Equal([1, NextEpoch + 1], merged.Transactions.Select(transaction => transaction.Zxid));
        Assert.Equal(1, merged.Discarded);
    }

    [Fact]
    public void What_only_one_member_still_has_counts() =>
        Assert.Equal(3, EnsembleLog.Merge([[At(1), At(2), At(3)], [At(2), At(3)], [At(3)]]).Transactions.Count);

    [Fact]
    public void A_transaction_that_is_not_the_same_in_all_logs_is_found() =>
        Assert.Single(EnsembleLog.Merge([[At(1)], [At(1)], [new LoggedTransaction(1, [new LoggedChange("/other", IsCreation: true)])]]).Violations);

    [Theory]
    [InlineData(new long[] { 1, 4 }, new long[] { }, 2)]
    [InlineData(new long[] { 1, 4 }, new long[] { 1, 4 }, 2)]
    [InlineData(new long[] { 1, 4 }, new long[] { 2 }, 1)]
    [InlineData(new long[] { 1, 4 }, new long[] { 3 }, 0)]
    [InlineData(new long[] { 1, 2 }, new long[] { }, 0)]
    [InlineData(new long[] { 3, 4 }, new long[] { }, 0)]
    [InlineData(new long[] { }, new long[] { }, 0)]
    public void A_gap_in_a_log_that_goes_on_and_that_no_snapshot_fills_is_counted(long[] logged, long[] snapshots, int gap)
    {
        LoggedTransaction[] log = [At(1), At(2), At(3), At(4)];
        LoggedTransaction[] own = [.. logged.Select(At)];

        Assert.Equal(gap, EnsembleLog.Merge([log, log, own]).MissingFrom(own, snapshots));
    }

    private static LoggedTransaction At(long zxid) => new(zxid, [new LoggedChange("/node", IsCreation: true)]);
}
