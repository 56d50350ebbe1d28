using LockService.Testing.Histories;
using Xunit;
using static LockService.Api.Tests.Histories.Written;

namespace LockService.Api.Tests.Histories;

public sealed class ExclusionCheckerTests
{
    [Fact]
    public void Holders_one_after_the_other_are_accepted() => Accepted(
        Grant("a", 0, 10, 1), Release("a", 100, 130),
        // Told of its grant before the release was answered.
        Grant("b", 20, 110, 2).After(80), Grant("c", 30, 1_120, 3).After(1_070));

    [Fact]
    public void Two_exclusive_holders_are_found() => Rejected(Grant("a", 0, 10, 1), Grant("b", 20, 900, 2));

    [Fact]
    public void A_shared_holder_beside_an_exclusive_one_is_found()
    {
        Rejected(Grant("a", 0, 10, 1).Shared(), Grant("b", 20, 900, 2));
        Rejected(Grant("a", 0, 10, 1), Grant("b", 20, 900, 2).Shared());
    }

    [Fact]
    public void Shared_holders_are_accepted() => Accepted(Grant("a", 0, 10, 1).Shared(), Grant("b", 0, 10, 1).Shared(), Grant("c", 20, 30, 2).Shared());

    [Fact]
    public void A_holder_that_outlasts_a_later_one_is_found() =>
        Rejected(Grant("a", 0, 10, 1).Shared(), Grant("b", 0, 10, 2).Shared(), Release("b", 20, 30), Grant("c", 40, 50, 3));

    [Fact]
    public void A_lease_counts_from_its_sending_and_the_wait()
    {
        Accepted(Grant("a", 0, 800, 1), Grant("b", 20, 1_001, 2).After(950));
        Rejected(Grant("a", 0, 800, 1).After(500), Grant("b", 20, 1_001, 2).After(950));
    }

    [Fact]
    public void A_renewal_prolongs_the_hold_and_a_shorter_one_cuts_it()
    {
        Rejected(Grant("a", 0, 10, 1), Renewal("a", 500, 510, 1), Grant("b", 20, 1_400, 2).After(1_350));
        Accepted(Grant("a", 0, 10, 1), Renewal("a", 500, 510, 1), Grant("b", 20, 1_501, 2).After(1_450));
        Accepted(Grant("a", 0, 10, 1), Renewal("a", 100, 110, 1) with { Ttl = Ms(500) }, Grant("b", 20, 601, 2));
        Accepted(Grant("a", 0, 10, 1), (Renewal("a", 100, 110, 1) with { Ttl = Ms(500) }).Unknown(), Grant("b", 20, 601, 2));
    }

    [Fact]
    public void A_refused_renewal_prolongs_nothing() =>
        Accepted(Grant("a", 0, 10, 1), Renewal("a", 500, 510, 1) with { Outcome = CallOutcome.Refused, Status = 503 }, Grant("b", 20, 1_001, 2).After(950));

    [Fact]
    public void A_holder_counts_on_nothing_after_a_release_whatever_came_of_it() =>
        Accepted(Grant("a", 0, 10, 1), Release("a", 100, 5_000).Unknown(), Grant("b", 20, 101, 2));

    [Fact]
    public void Different_locks_have_nothing_to_do_with_each_other() => Accepted(Grant("a", 0, 10, 1), Grant("b", 0, 10, 2) with { Lock = "m" });

    private static void Accepted(params object[] records) => Assert.Empty(ExclusionChecker.Check(History(records)).Violations);

    private static void Rejected(params object[] records) => Assert.Single(ExclusionChecker.Check(History(records)).Violations);
}
