using LockService.Testing.Histories;
using Xunit;
using static LockService.Api.Tests.Histories.Written;

namespace LockService.Api.Tests.Histories;

public sealed class FifoCheckerTests
{
    [Fact]
    public void Waiters_served_in_their_order_are_accepted() =>
        Accepted(Grant("a", 0, 100, 1), Grant("b", 20, 200, 2), Seen(10, 15, "a"), Seen(25, 30, "a", "b"), Grant("c", 40, 300, 3));

    [Fact]
    public void A_waiter_that_was_not_seen_before_proves_nothing() => Accepted(Grant("a", 0, 200, 2), Seen(10, 15, "a"), Grant("b", 14, 100, 1));

    [Fact]
    public void A_later_one_that_is_served_first_is_found()
    {
        Rejected(Grant("a", 0, 200, 2), Seen(10, 15, "a"), Grant("b", 20, 100, 1));
        Rejected(Grant("a", 0, 200, 2).Shared(), Seen(10, 15, "a"), Grant("b", 20, 100, 1));
        Rejected(Grant("a", 0, 200, 2), Seen(10, 15, "a"), Grant("b", 20, 100, 1).Shared());
    }

    [Fact]
    public void One_who_stood_behind_and_is_served_first_is_found() => Rejected(Grant("a", 0, 200, 2), Grant("b", 0, 100, 1), Seen(10, 15, "a", "b"));

    [Fact]
    public void Readers_may_pass_each_other() => Accepted(Grant("a", 0, 200, 2).Shared(), Seen(10, 15, "a"), Grant("b", 20, 100, 1).Shared());

    [Fact]
    public void A_waiter_that_is_never_served_is_found()
    {
        Rejected(Held("a", 0, 510, wait: 500), Seen(10, 15, "a"), Grant("b", 20, 400, 1));
        Rejected(HungUp("a", 0, 500, 510), Seen(10, 15, "a"), Grant("b", 20, 400, 1));
    }

    [Fact]
    public void Who_has_left_holds_up_nobody()
    {
        Accepted(Held("a", 0, 510, wait: 500), Seen(10, 15, "a"), Grant("b", 20, 505, 1));
        Accepted(HungUp("a", 0, 500, 510), Seen(10, 15, "a"), Grant("b", 20, 505, 1));
    }

    [Fact]
    public void Who_hung_up_and_came_back_has_lost_its_place() =>
        Accepted(Grant("a", 0, 200, 2) with { Repeated = Ms(50) }, Seen(10, 15, "a"), Grant("b", 20, 100, 1));

    [Fact]
    public void Too_many_waiters_of_whom_nothing_can_be_said_are_found()
    {
        CheckReport report = FifoChecker.Check(History(Grant("a", 0, 200, 0).Unknown(), Seen(10, 15, "a"), Grant("b", 20, 100, 1)));
        Assert.Equal(1, report.Figures["excluded"]);
        Assert.Single(report.Violations);
    }

    [Fact]
    public void Where_faults_happen_more_waiters_may_be_left_out()
    {
        LockHistory history = History(Grant("a", 0, 200, 0).Unknown(), Grant("b", 0, 100, 1), Seen(10, 15, "a", "b"));
        Assert.Empty(FifoChecker.Check(history, mostExcluded: 0.5).Violations);
        Assert.Single(FifoChecker.Check(history, mostExcluded: 0.4).Violations);
    }

    private static void Accepted(params object[] records) => Assert.Empty(FifoChecker.Check(History(records)).Violations);

    private static void Rejected(params object[] records) => Assert.Single(FifoChecker.Check(History(records)).Violations);
}
