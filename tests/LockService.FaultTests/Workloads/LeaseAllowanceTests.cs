using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;
using Xunit;

namespace LockService.FaultTests.Workloads;

public sealed class LeaseAllowanceTests
{
    /// <summary>Of 2 s, ended at 50 s, followed by the next one 600 ms later.</summary>
    private static readonly RunOutLease s_lease = new(Ms(50_000), Ms(50_600), Ms(2_000));

    private readonly FaultTimeline _timeline = new() { WarmedUp = Ms(10_000) };

    [Fact]
    public void A_second_when_all_is_well()
    {
        Broken(from: 30_000, to: 43_999);
        Broken(from: 50_601, to: 60_000);
        _timeline.Silences = [(Ms(47_000), Ms(47_999)), (Ms(50_601), Ms(51_000))];

        Assert.Equal(new OvershootLimit(Ms(1_000), AllowsForFaults: false), LeaseAllowance.For(_timeline)(s_lease));
    }

    [Fact]
    public void The_lease_and_a_second_after_a_fault()
    {
        Broken(from: 44_000, to: 49_500);

        Assert.Equal(new OvershootLimit(Ms(49_500 + 4_000 + 2_000 + 1_000 - 50_000), AllowsForFaults: true), LeaseAllowance.For(_timeline)(s_lease));
    }

    [Fact]
    public void The_same_after_everything_was_started() =>
        Assert.Equal(
            new OvershootLimit(Ms(10_000 + 4_000 + 2_000 + 1_000 - 14_000), AllowsForFaults: true),
            LeaseAllowance.For(_timeline)(s_lease with { End = Ms(14_000), Granted = Ms(14_600) }));

    [Fact]
    public void Never_less_than_a_second()
    {
        Broken(from: 30_000, to: 44_001);

        Assert.Equal(new OvershootLimit(Ms(1_001), AllowsForFaults: true), LeaseAllowance.For(_timeline)(s_lease));
    }

    [Fact]
    public void More_by_what_ZooKeeper_was_silent_while_the_next_one_waited()
    {
        _timeline.Silences = [(Ms(49_900), Ms(50_100)), (Ms(50_200), Ms(50_320)), (Ms(50_500), Ms(51_400))];

        Assert.Equal(new OvershootLimit(Ms(1_000 + 100 + 120 + 100), AllowsForFaults: true), LeaseAllowance.For(_timeline)(s_lease));
    }

    [Fact]
    public void The_lease_and_a_second_after_an_outage_whatever_its_cause()
    {
        _timeline.Silences = [(Ms(47_000), Ms(48_001))];

        Assert.Equal(new OvershootLimit(Ms(48_001 + 4_000 + 2_000 + 1_000 - 50_000), AllowsForFaults: true), LeaseAllowance.For(_timeline)(s_lease));
    }

    private void Broken(int from, int to) => _timeline.Add(new Fault("fault", NemesisTarget.Servers, Ms(from), Ms(to), EndedService: false, Alone: true));

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
