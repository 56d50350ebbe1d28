using LockService.Testing.Histories;
using Xunit;
using static LockService.Api.Tests.Histories.Written;

namespace LockService.Api.Tests.Histories;

public sealed class LeaseCheckerTests
{
    [Fact]
    public void A_lease_that_ran_out_and_was_lost_then_is_accepted() => Accepted(
        Grant("a", 0, 10, 1), Grant("b", 20, 1_100, 2).After(1_050), Renewal("a", 1_110, 1_120, 1).Lost(), Release("a", 1_130, 1_140).Lost());

    [Fact]
    public void A_lease_that_ends_early_for_the_next_holder_is_found()
    {
        CheckReport report = Rejected(Grant("a", 0, 10, 1), Grant("b", 20, 900, 2));
        Assert.Equal(100, report.Figures["undershoot max ms"]);
        Rejected(Grant("a", 0, 10, 1), Renewal("a", 500, 510, 1), Grant("b", 20, 1_400, 2));
    }

    [Fact]
    public void A_lease_that_ends_early_is_found_although_its_holder_heard_of_the_grant_only_then() =>
        Rejected(Grant("a", 0, 600, 1), Grant("b", 20, 500, 2), Release("b", 510, 520));

    [Fact]
    public void A_lease_that_ends_early_before_a_shorter_one_is_found() =>
        Rejected(Grant("a", 0, 10, 1).Shared(), Grant("b", 0, 10, 2).Shared(), Release("b", 20, 30), Grant("c", 40, 50, 3));

    [Fact]
    public void A_lease_that_is_lost_before_its_deadline_is_found()
    {
        Rejected(Grant("a", 0, 10, 1), Renewal("a", 900, 910, 1).Lost());
        Rejected(Grant("a", 0, 10, 1), Release("a", 900, 910).Lost());
        Rejected(Grant("a", 0, 10, 1), Renewal("a", 500, 510, 1), Renewal("a", 1_200, 1_210, 1).Lost());
    }

    [Fact]
    public void A_lease_that_may_have_been_released_is_lost_rightly()
    {
        Accepted(Grant("a", 0, 10, 1), Release("a", 100, 110).Unknown(), Release("a", 120, 130).Lost());
        Accepted(Grant("a", 0, 10, 1), Release("a", 100, 110), Renewal("a", 120, 130, 1).Lost());
    }

    [Fact]
    public void A_lease_that_works_when_somebody_else_has_the_lock_is_found()
    {
        Rejected(Grant("a", 0, 10, 1), Grant("b", 20, 1_100, 2).After(1_050), Renewal("a", 1_110, 1_120, 1), Release("a", 1_050, 1_060).Unknown());
        Rejected(Grant("a", 0, 10, 1), Grant("b", 20, 1_100, 2).After(1_050), Release("a", 1_110, 1_120));
        Rejected(Grant("a", 0, 10, 1).Shared(), Grant("b", 20, 1_100, 2).After(1_050), Release("a", 1_110, 1_120));
    }

    [Fact]
    public void A_shared_lease_works_beside_others() => Accepted(Grant("a", 0, 10, 1).Shared(), Grant("b", 20, 30, 2).Shared(), Renewal("a", 40, 50, 1));

    [Fact]
    public void Overshoot_counts_for_those_who_waited_already()
    {
        CheckReport report = Accepted(
            Grant("a", 0, 10, 1), Grant("b", 500, 1_110, 2).After(560), Release("b", 1_120, 1_130),
            Grant("c", 2_000, 2_010, 3), Renewal("c", 2_020, 2_030, 3), Grant("d", 2_500, 3_330, 4).After(800),
            // Asked only when the lease was over.
            Grant("e", 8_000, 8_010, 5));
        Assert.Equal((2, 300, 4), (report.Figures["overshoots"], report.Figures["overshoot max ms"], report.Figures["ran out"]));
    }

    [Fact]
    public void Overshoot_is_not_measured_after_what_nobody_knows() =>
        Assert.Equal(0, Accepted(Grant("a", 0, 10, 1), Renewal("a", 900, 910, 1).Unknown(), Grant("b", 500, 1_950, 2).After(1_400)).Figures["overshoots"]);

    [Fact]
    public void A_lease_that_ends_far_too_late_is_found() => Rejected(Grant("a", 0, 10, 1), Grant("b", 500, 6_100, 2).After(5_500));

    [Fact]
    public void Who_gives_up_only_then_may_have_stood_before_the_next_one()
    {
        // The lease ended at 1,010 ms; the limit is 5 s.
        LockOperation[] lease = [Grant("a", 0, 10, 1), Grant("b", 500, 6_500, 2).After(5_990)];
        Assert.Equal((0, 1), Measured(Accepted([.. lease, Held("c", 400, 1_505, wait: 1_100)])));
        Assert.Equal((0, 1), Measured(Accepted([.. lease, HungUp("c", 400, hungUp: 600, completed: 600)])));

        Rejected([.. lease, Held("tries only", 400, 1_505, wait: 0)]);
        Rejected([.. lease, Held("left before", 400, 1_005, wait: 600)]);
        Rejected([.. lease, HungUp("left before, too", 0, hungUp: 5, completed: 5)]);
        Rejected([.. lease, Held("came far behind", 1_501, 6_000, wait: 4_000)]);
        Rejected([.. lease, Held("still waited", 400, 7_000, wait: 6_200)]);
        Rejected([.. lease, Held("long gone", 400, 1_400, wait: 900)]);
        Rejected([
            Grant("a", 0, 10, 1), Grant("b", 500, 6_500, 2).After(5_990).Shared(), Held("shares it", 400, 1_505, wait: 1_100).Shared()]);

        static (double, double) Measured(CheckReport report) => (report.Figures["overshoots"], report.Figures["perhaps behind others who left"]);
    }

    [Fact]
    public void A_lease_may_end_as_late_as_faults_allow_and_is_measured_apart()
    {
        LockHistory history = History(
            Grant("a", 0, 10, 1), Grant("b", 500, 1_110, 2).After(560), Release("b", 1_120, 1_130),
            Grant("c", 2_000, 2_010, 3), Grant("d", 2_500, 4_010, 4).After(1_500));
        Func<RunOutLease, OvershootLimit> Limit(int faulty) =>
            lease => lease.End < Ms(2_000) ? new OvershootLimit(Ms(200), AllowsForFaults: false) : new OvershootLimit(lease.Ttl + Ms(faulty), AllowsForFaults: true);

        CheckReport report = LeaseChecker.Check(history, Limit(faulty: 0));
        Assert.Empty(report.Violations);
        Assert.Equal((1, 100, 1, 1_000), (
            report.Figures["overshoots"], report.Figures["overshoot max ms"], report.Figures["faulty overshoots"], report.Figures["faulty overshoot max ms"]));
        Assert.Single(LeaseChecker.Check(history, Limit(faulty: -1)).Violations);
    }

    private static CheckReport Accepted(params object[] records)
    {
        CheckReport report = LeaseChecker.Check(History(records), mostOvershoot: Ms(5_000));
        Assert.Empty(report.Violations);
        return report;
    }

    private static CheckReport Rejected(params object[] records)
    {
        CheckReport report = LeaseChecker.Check(History(records), mostOvershoot: Ms(5_000));
        Assert.Single(report.Violations);
        return report;
    }
}
