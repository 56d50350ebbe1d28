using LockService.FaultTests.Clusters;

namespace LockService.FaultTests.Nemeses;

/// <summary>What a nemesis breaks. At any time one nemesis works on each of them, beside those that work on the others.</summary>
internal enum NemesisTarget
{
    /// <summary>ZooKeeper's servers.</summary>
    Servers,

    /// <summary>The service's processes.</summary>
    Instances,

    /// <summary>Networks.</summary>
    Links,

    /// <summary>Sessions, which are not a process' nor a link's.</summary>
    Sessions,
}

/// <summary>One kind of fault.</summary>
internal interface INemesis
{
    /// <summary>What it does, for the report: "kill -9 of the leader".</summary>
    string Kind { get; }

    /// <summary>What it breaks.</summary>
    NemesisTarget Target { get; }

    /// <summary>Whether it ends the service for all clients while it lasts, because no quorum or no instance is left.</summary>
    bool EndsService => false;

    /// <summary>
    /// Breaks something, leaves it broken for a time that the random numbers decide, and makes it whole again: when the task completes, with an
    /// exception or without, whatever it broke works or is about to by itself.
    /// </summary>
    /// <param name="cluster">What to break.</param>
    /// <param name="random">The only source of choices, so that a seed makes the same ones again.</param>
    /// <param name="hurry">Cancelled when the run is over: the fault is to end soon.</param>
    Task StrikeAsync(FaultCluster cluster, Random random, CancellationToken hurry);
}
