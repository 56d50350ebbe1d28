using LockService.Testing.Histories;
using Xunit;
using static LockService.Api.Tests.Histories.Written;

namespace LockService.Api.Tests.Histories;

public sealed class CounterCheckerTests
{
    [Fact]
    public void A_counter_that_counts_is_accepted() => Accepted(
        last: 4, Increment(0, 10, 1), Increment(5, 30, 3), Increment(6, 20, 2), Read(0, 3, 0), Read(15, 25, 3), Unknown(30, 40), Increment(50, 60, 4));

    [Fact]
    public void A_value_that_two_increments_have_is_found() => Rejected(last: 2, Increment(0, 10, 1), Increment(5, 15, 1));

    [Fact]
    public void An_increment_that_has_two_values_is_found() => Rejected(last: 1, Increment(0, 10, 1, 2));

    [Fact]
    public void A_value_that_falls_is_found()
    {
        Rejected(last: 2, Increment(0, 30, 2), Read(5, 10, 1), Increment(20, 25, 1));
        Rejected(last: 2, Increment(0, 40, 1), Increment(0, 40, 2), Read(10, 15, 2), Read(20, 25, 1));
    }

    [Fact]
    public void A_read_that_misses_what_was_done_before_is_found() => Assert.NotEmpty(
        CounterChecker.Check(Recorded(Increment(0, 10, 1), Increment(0, 20, 2), Read(12, 15, 0)), new Dictionary<string, long> { ["c"] = 2 }).Violations);

    [Fact]
    public void A_read_of_more_than_was_sent_is_found() => Rejected(last: 2, Increment(0, 10, 1), Increment(11, 30, 2), Read(12, 15, 3));

    [Fact]
    public void A_lost_increment_is_found() => Rejected(last: 1, Increment(0, 10, 1), Increment(0, 10, 2));

    [Fact]
    public void An_increment_that_is_there_twice_is_found()
    {
        Rejected(last: 2, Increment(0, 10, 1));
        Rejected(last: 2, Increment(0, 10, 1), Unknown(5, 10) with { Outcome = CallOutcome.Refused });
    }

    [Fact]
    public void What_nobody_knows_may_be_there_or_not()
    {
        Accepted(last: 1, Increment(0, 10, 1), Unknown(0, 10));
        Accepted(last: 2, Increment(0, 10, 1), Unknown(0, 10));
        Rejected(last: 3, Increment(0, 10, 1), Unknown(0, 10));
    }

    [Fact]
    public void A_counter_that_was_not_read_in_the_end_is_found() =>
        Assert.Single(CounterChecker.Check(Recorded(Increment(0, 10, 1)), new Dictionary<string, long>()).Violations);

    private static CounterOperation Increment(int invoked, int completed, params long[] values) => new()
    {
        Counter = "c", Invoked = Ms(invoked), Completed = Ms(completed), Outcome = CallOutcome.Done, Values = values,
    };

    private static CounterOperation Read(int invoked, int completed, long value) => Increment(invoked, completed, value) with { IsRead = true };

    private static CounterOperation Unknown(int invoked, int completed) => Increment(invoked, completed) with { Outcome = CallOutcome.Unknown };

    private static void Accepted(long last, params CounterOperation[] operations) =>
        Assert.Empty(CounterChecker.Check(Recorded(operations), new Dictionary<string, long> { ["c"] = last }).Violations);

    private static void Rejected(long last, params CounterOperation[] operations) =>
        Assert.Single(CounterChecker.Check(Recorded(operations), new Dictionary<string, long> { ["c"] = last }).Violations);

    private static CounterHistory Recorded(params CounterOperation[] operations)
    {
        var history = new CounterHistory();
        Array.ForEach(operations, history.Add);
        return history;
    }
}
