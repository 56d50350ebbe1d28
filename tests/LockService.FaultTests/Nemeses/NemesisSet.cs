namespace LockService.FaultTests.Nemeses;

/// <summary>Which faults a run draws from, and how often each is drawn in proportion to the others of its target.</summary>
internal static class NemesisSet
{
    /// <summary>Kinds that are over within 10 seconds, the time that servers need to come back included.</summary>
    internal static IReadOnlyList<(INemesis Nemesis, int Weight)> Short() =>
    [
        (ServerNemeses.KillLeader, 4),
        (ServerNemeses.KillFollower, 3),
        (ServerNemeses.FreezeLeader, 3),
        (ServerNemeses.FreezeFollower, 2),
        (ServerNemeses.NoQuorumBriefly, 2),
        (DiskNemeses.FullOnOne, 2),
        (DiskNemeses.FullOnQuorum, 1),
        (DiskNemeses.SlowOnOne, 2),
        (DiskNemeses.SlowOnAll, 2),

        (InstanceNemeses.Kill, 4),
        (InstanceNemeses.ShutDown, 2),
        (InstanceNemeses.Freeze, 3),
        (InstanceNemeses.FreezeBriefly, 3),
        (InstanceNemeses.KillAll, 1),
        (ClockNemeses.InstanceAhead, 1),
        (ClockNemeses.InstanceBehind, 1),

        (LinkNemeses.CutOneServer, 2),
        (LinkNemeses.CutAllServers, 2),
        (LinkNemeses.Isolate, 2),
        (LinkNemeses.BlackHoleOneServer, 2),
        (LinkNemeses.BlackHoleToServers, 2),
        (LinkNemeses.BlackHoleFromServers, 2),
        (LinkNemeses.DelayServers, 1),
        (LinkNemeses.SliceServers, 1),
        (LinkNemeses.DropRepliesOfServers, 4),
        (LinkNemeses.SwizzleClog, 2),
        (LinkNemeses.CutClients, 2),
        (LinkNemeses.BlackHoleClients, 1),
        (LinkNemeses.BlackHoleToClients, 1),
        (LinkNemeses.DropRepliesToClients, 4),
        (LinkNemeses.SliceClients, 1),
        (LinkNemeses.DelayClients, 1),
        (EnsembleLinkNemeses.PartitionLeader, 3),
        (EnsembleLinkNemeses.SilenceLeader, 1),
        (EnsembleLinkNemeses.DeafenLeader, 1),
        (EnsembleLinkNemeses.PartitionFollower, 2),
        (EnsembleLinkNemeses.SilenceFollower, 1),
        (EnsembleLinkNemeses.DelayLeader, 2),

        (SessionNemeses.ExpireOne, 3),
        (SessionNemeses.ExpireAll, 2),
    ];

    /// <summary>All kinds.</summary>
    internal static IReadOnlyList<(INemesis Nemesis, int Weight)> Long() =>
    [
        .. Short(),
        (ServerNemeses.RollingRestart, 2),
        (ServerNemeses.NoQuorum, 2),
        (ServerNemeses.NoQuorumForAMinute, 1),
        (ServerNemeses.KillEveryLeader, 2),
        (ServerNemeses.OneConnection, 2),
        (ServerNemeses.RollOver, 2),
        (ClockNemeses.ServerAhead, 1),
        (ClockNemeses.ServerBehind, 1),
        (ClockNemeses.LeaderAhead, 1),
        (ClockNemeses.LeaderBehind, 1),
        (InstanceNemeses.RollingRestart, 2),
        (InstanceNemeses.CrashLoop, 2),
    ];
}
