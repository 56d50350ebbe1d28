using System.Net;
using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>Clients of single locks, of all manners; see <see cref="LockWorkload"/>.</summary>
internal sealed class LockFaultWorkload : IWorkload
{
    /// <summary>
    /// Waiters lose their places with their instances' sessions, and are told nothing when connections break. Beyond this share the order of the
    /// others would say little.
    /// </summary>
    private const double MostExcluded = 0.5;

    private static readonly LockLoad s_load = new()
    {
        Workers = 48,
        Onlookers = 2,
        LooksEveryMs = 60,
        Locks = 24,
        ShortestTtlMs = 1_000,
        LongestTtlMs = 4_000,
        Renewing = 3,
        RenewingTwice = 4,
        Late = 10,
        Vanishing = 2,
    };

    private readonly ServiceCaller _caller;
    private readonly ServerLogs _logs;
    private readonly LockHistory _history;
    private readonly LockWorkload _clients;

    internal LockFaultWorkload(ServiceCaller caller, ServerLogs logs, long start, int seed)
    {
        _caller = caller;
        _logs = logs;
        _history = new LockHistory(start);
        _clients = new LockWorkload(caller, _history, s_load, seed);
    }

    public string Name => "locks";

    public long Operations => _caller.Operations;

    public IReadOnlyDictionary<string, int> Unknown => OpenLockCalls.Of(_history);

    public async Task RunAsync(CancellationToken stop)
    {
        using var patience = new Patience(stop);
        await _clients.RunAsync(stop, patience.Over);
    }

    public Task<bool> HasSettledAsync() => AreFreeAsync(_caller, _clients.Names);

    public IReadOnlyList<CheckReport> Check(FaultTimeline faults) =>
    [
        ExclusionChecker.Check(_history), TokenChecker.Check(_history), LeaseChecker.Check(_history, LeaseAllowance.For(faults)),
        FifoChecker.Check(_history, MostExcluded), _logs.Check(_history), Fence(_clients), Answers(_caller),
    ];

    /// <summary>What no client of this way to the service should ever have been told.</summary>
    internal static CheckReport Answers(ServiceCaller caller) =>
        new("answers", caller.Unexpected, new Dictionary<string, double> { ["operations"] = caller.Operations });

    /// <summary>Whether nobody has or waits for any of the locks.</summary>
    internal static async Task<bool> AreFreeAsync(ServiceCaller caller, IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            Reply? state = await caller.GetAsync(0, $"/v1/locks/{name}");
            if (state?.Status != HttpStatusCode.OK || state.Body.GetProperty("held").GetBoolean() || state.Number("queueLength") > 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether the fence kept off all who came too late, and whether there were any.</summary>
    private static CheckReport Fence(LockWorkload clients)
    {
        string[] lost = [.. clients.Lost];
        int lostWithout = clients.LostWithoutFence.Count();
        return new CheckReport(
            "fence",
            lostWithout > 0 ? lost : [.. lost, "Without a fence nothing was lost either: the clients who write too late proved nothing."],
            new Dictionary<string, double> { ["writes"] = clients.Acknowledged, ["lost without a fence"] = lostWithout });
    }
}
