using LockService.Testing.Histories;
using Xunit;
using static LockService.Api.Tests.Histories.Written;

namespace LockService.Api.Tests.Histories;

public sealed class LockLogCheckerTests
{
    private const string Parent = "/lockservice/locks";
    private const string Lock = $"{Parent}/l";

    [Fact]
    public void Grants_by_a_new_directory_by_promotion_and_by_a_hand_over_are_accepted() => Accepted(
        new(1, [Created(Lock), Created(Holder(0))]),
        new(2, [Created(Waiter(1))]),
        new(3, [Created(Waiter(2))]),
        new(4, [Deleted(Holder(0)), Deleted(Waiter(1)), Created(Holder(1))]),
        new(5, [Deleted(Holder(1))]),
        new(6, [Deleted(Waiter(2)), Created(Holder(2))]),
        new(7, [Deleted(Holder(2))]),
        new(8, [Deleted(Lock), Created(Lock), Created(Holder(0))]));

    [Fact]
    public void What_is_created_deleted_and_created_in_one_transaction_has_come_once()
    {
        LoggedTransaction taken = new(1, [Created(Lock), Created(Holder(0)), Deleted(Holder(0)), Created(Holder(0))]);
        LoggedTransaction confirmed = new(3, [Deleted(Waiter(1)), Created(Waiter(1))]);
        Accepted(
            taken,
            new(2, [Created(Waiter(1))]),
            confirmed,
            new(4, [Deleted(Holder(0)), Deleted(Waiter(1)), Created(Holder(1)), Deleted(Holder(1)), Created(Holder(1))]));
        Rejected(taken, new(2, [Created(Waiter(1))]), confirmed, new(4, [Deleted(Waiter(1)), Created(Holder(1))]));
        Assert.Equal(1, LockLogChecker.Check([taken], Parent, History()).Figures["grants"]);
    }

    [Fact]
    public void Two_holders_are_found() => Rejected(
        new(1, [Created(Lock), Created(Holder(0))]), new(2, [Created(Waiter(1))]), new(3, [Deleted(Waiter(1)), Created(Holder(1))]));

    [Fact]
    public void A_holder_of_several_locks_excludes_others()
    {
        string severals = Holder(0).Replace("-8123-", "-9123-", StringComparison.Ordinal);
        LoggedTransaction granted = new(1, [Created(Lock), Created(severals)]);
        Assert.Empty(LockLogChecker.Check([granted], Parent, History(Grant("a", 0, 10, 1))).Violations);
        Rejected(granted, new(2, [Created(Waiter(1))]), new(3, [Deleted(Waiter(1)), Created(Holder(1))]));
    }

    [Fact]
    public void Readers_share() => Accepted(
        new(1, [Created(Lock), Created(Holder(0, "READ"))]),
        new(2, [Created(Waiter(1, "READ"))]),
        new(3, [Deleted(Waiter(1, "READ")), Created(Holder(1, "READ"))]));

    [Fact]
    public void A_holder_without_the_waiter_before_it_is_found()
    {
        Rejected(new(1, [Created(Lock)]), new(2, [Created(Holder(0))]));
        Rejected(new(1, [Created(Lock), Created(Waiter(0))]), new(2, [Deleted(Waiter(0)), Created(Holder(1))]));
    }

    [Fact]
    public void A_holder_that_passes_a_waiter_is_found() => Rejected(
        new(1, [Created(Lock), Created(Waiter(0))]), new(2, [Created(Waiter(1))]), new(3, [Deleted(Waiter(1)), Created(Holder(1))]));

    [Fact]
    public void A_grant_that_ZooKeeper_does_not_know_is_found()
    {
        LoggedTransaction[] log = [new(7, [Created(Lock), Created(Holder(0))])];
        Assert.Empty(LockLogChecker.Check(log, Parent, History(Grant("a", 0, 10, 7))).Violations);
        Assert.Single(LockLogChecker.Check(log, Parent, History(Grant("a", 0, 10, 8))).Violations);
        Assert.Single(LockLogChecker.Check(log, Parent, History(Grant("a", 0, 10, 7) with { Lock = "m" })).Violations);
    }

    private static LoggedChange Created(string path) => new(path, IsCreation: true);

    private static LoggedChange Deleted(string path) => new(path, IsCreation: false);

    private static string Holder(int number, string mode = "WRIT") => $"{Lock}/_c_01234567-0123-8123-0123-0123456789ab-__{mode}__{number:D10}";

    private static string Waiter(int number, string mode = "WRIT") => $"{Lock}/_c_01234567-0123-4123-0123-0123456789ab-__{mode}__{number:D10}";

    private static void Accepted(params LoggedTransaction[] log) => Assert.Empty(LockLogChecker.Check(log, Parent, History()).Violations);

    private static void Rejected(params LoggedTransaction[] log) => Assert.Single(LockLogChecker.Check(log, Parent, History()).Violations);
}
