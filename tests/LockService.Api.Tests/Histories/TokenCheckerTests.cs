using LockService.Testing.Histories;
using Xunit;
using static LockService.Api.Tests.Histories.Written;

namespace LockService.Api.Tests.Histories;

public sealed class TokenCheckerTests
{
    [Fact]
    public void Rising_tokens_are_accepted() => Accepted(
        Grant("a", 0, 10, 1), Renewal("a", 20, 30, 1), Grant("b", 20, 30, 2).Shared(), Grant("c", 20, 30, 2).Shared(), Grant("d", 40, 50, 3));

    [Fact]
    public void Grants_at_the_same_time_may_have_tokens_in_any_order() => Accepted(Grant("a", 0, 10, 2), Grant("b", 5, 20, 1));

    [Fact]
    public void A_token_that_falls_is_found()
    {
        Rejected(Grant("a", 0, 10, 2), Grant("b", 20, 30, 1));
        Rejected(Grant("a", 0, 10, 2).Shared(), Grant("b", 20, 30, 1));
        Rejected(Grant("a", 0, 10, 2), Grant("b", 20, 30, 1).Shared());
        Rejected(Grant("a", 0, 10, 5), Grant("b", 0, 15, 3), Grant("c", 20, 30, 4));
    }

    [Fact]
    public void Two_leases_with_one_token_are_found()
    {
        Rejected(Grant("a", 0, 10, 1), Grant("b", 0, 10, 1));
        Rejected(Grant("a", 0, 10, 1), Grant("b", 0, 10, 1).Shared());
    }

    [Fact]
    public void A_lease_with_two_callers_is_found() => Rejected(Grant("a", 0, 10, 1), Grant("b", 0, 10, 1) with { LeaseId = "a" });

    [Fact]
    public void A_token_that_changes_with_a_renewal_is_found() => Rejected(Grant("a", 0, 10, 1), Renewal("a", 20, 30, 2));

    private static void Accepted(params object[] records) => Assert.Empty(TokenChecker.Check(History(records)).Violations);

    private static void Rejected(params object[] records) => Assert.Single(TokenChecker.Check(History(records)).Violations);
}
