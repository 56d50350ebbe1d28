using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>Clients of one kind, who use the service whatever happens to it, and know afterwards what it owed them.</summary>
internal interface IWorkload
{
    /// <summary>For the report: "locks".</summary>
    string Name { get; }

    /// <summary>Operations so far: requests that a client made, a repetition under the same key not counted again.</summary>
    long Operations { get; }

    /// <summary>Operations whose outcome was open at some time, by how it was settled: "repeated, done", "read back", "left open".</summary>
    IReadOnlyDictionary<string, int> Unknown { get; }

    /// <summary>Works until it is told to stop, and then until everything that it began has an end.</summary>
    Task RunAsync(CancellationToken stop);

    /// <summary>Whether nothing that it did is left in the service: no holder, no waiter, no message. Asked once all faults are over.</summary>
    Task<bool> HasSettledAsync();

    /// <summary>Checks what it saw, when it has settled.</summary>
    /// <param name="faults">What happened meanwhile, for promises that allow for outages.</param>
    IReadOnlyList<CheckReport> Check(FaultTimeline faults);
}
