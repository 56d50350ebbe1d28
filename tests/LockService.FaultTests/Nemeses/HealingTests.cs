using Xunit;
using Xunit.Abstractions;

namespace LockService.FaultTests.Nemeses;

/// <summary>Nothing is left of any fault. All kinds in full take minutes: without LOCKSERVICE_LONG=1 each has to hurry, and only some are tried.</summary>
[Collection(nameof(ClusterProbe))]
public sealed class HealingTests(ClusterProbe probe, ITestOutputHelper output)
{
    private static readonly INemesis[] s_some =
    [
        ServerNemeses.KillFollower, ServerNemeses.FreezeFollower, ServerNemeses.NoQuorum, DiskNemeses.FullOnQuorum, DiskNemeses.SlowOnOne, ClockNemeses.LeaderBehind,
        InstanceNemeses.ShutDown, InstanceNemeses.KillAll, InstanceNemeses.CrashLoop, LinkNemeses.CutAllServers, LinkNemeses.SliceServers, LinkNemeses.SliceClients,
        LinkNemeses.DropRepliesOfServers, LinkNemeses.SwizzleClog, EnsembleLinkNemeses.DeafenLeader, SessionNemeses.ExpireOne,
    ];

    [Fact]
    public async Task Everything_serves_again_after_every_kind_of_fault()
    {
        bool all = Environment.GetEnvironmentVariable("LOCKSERVICE_LONG") == "1";
        foreach (INemesis nemesis in all ? NemesisSet.Long().Select(kind => kind.Nemesis) : s_some)
        {
            using var hurry = new CancellationTokenSource(all ? TimeSpan.FromSeconds(10) : TimeSpan.FromSeconds(0.2), TimeProvider.System);
            long start = TimeProvider.System.GetTimestamp();
            await nemesis.StrikeAsync(probe.Cluster, new Random(1), hurry.Token);
            TimeSpan lasted = TimeProvider.System.GetElapsedTime(start);
            await probe.WholeAsync();
            TimeSpan whole = TimeProvider.System.GetElapsedTime(start) - lasted;
            output.WriteLine($"{nemesis.Kind}: {lasted.TotalSeconds:0.0} s, whole after {whole.TotalSeconds:0.0} s");
        }
    }
}
