using System.Net;
using LockService.Testing;
using LockService.Testing.Histories;
using Xunit;
using Xunit.Abstractions;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>
/// What many clients of three instances saw, checked against every promise about locks. <c>LOCKSERVICE_LONG=1</c> runs it at full length,
/// <c>LOCKSERVICE_SEED</c> with the clients of an earlier run.
/// </summary>
public sealed class LockHistoryTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Parent = "/lockservice/locks";

    /// <summary>Far more than the promise of a second, which a loaded machine cannot keep; a waiter that nobody woke would take longer.</summary>
    private static readonly TimeSpan s_mostOvershoot = TimeSpan.FromSeconds(4);

    /// <summary>Beyond it a lease's end is told, to be looked into, but fails nothing.</summary>
    private static readonly TimeSpan s_promisedOvershoot = TimeSpan.FromSeconds(1);

    private static readonly bool s_long = Environment.GetEnvironmentVariable("LOCKSERVICE_LONG") == "1";
    private ZooKeeperServer _zooKeeper = null!;
    private Cluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _zooKeeper = await ZooKeeperServer.StartNewAsync();
        _cluster = await Cluster.StartAsync(_zooKeeper.ConnectString, instances: 3);
    }

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        await _zooKeeper.DisposeAsync();
    }

    [Fact]
    public async Task No_promise_about_locks_is_broken_to_clients_of_all_manners()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("LOCKSERVICE_SEED"), out int given) ? given : Random.Shared.Next(1_000_000);
        output.WriteLine($"LOCKSERVICE_SEED={seed}");
        var history = new LockHistory();
        var caller = new ServiceCaller(_cluster.Clients);
        var workload = new LockWorkload(caller, history, new LockLoad(), seed);

        await workload.RunAsync(s_long ? 100_000 : 4_000);
        output.WriteLine($"{history.Operations.Count} operations in {history.Now.TotalSeconds:F1} s: {Counts(history)}");
        await Eventually.TrueAsync("all locks are free and nobody waits", () => AllAreFreeAsync(workload), TimeSpan.FromMinutes(1));

        IReadOnlyList<LoggedTransaction> log = _zooKeeper.ReadTransactions();
        CheckReport[] reports = Check(history, log);
        Assert.All(reports, report => output.WriteLine(report.ToString()));
        Assert.All(LeaseChecker.Check(history, s_promisedOvershoot).Violations, output.WriteLine);
        Assert.All(reports, report => Assert.Empty(report.Violations));
        Assert.Empty(caller.Unexpected);
        Assert.Empty(workload.Lost);
        // The controls: clients who came too late do harm where nothing fences them off, and the checkers see what is wrong.
        Assert.NotEmpty(workload.LostWithoutFence);
        Assert.All(Check(Distorted(history), log), report => Assert.NotEmpty(report.Violations));
    }

    private static CheckReport[] Check(LockHistory history, IReadOnlyList<LoggedTransaction> log) =>
    [
        ExclusionChecker.Check(history), TokenChecker.Check(history), LeaseChecker.Check(history, s_mostOvershoot), FifoChecker.Check(history),
        LockLogChecker.Check(log, Parent, history),
    ];

    /// <summary>The history as a service would have made it that gave the first locks' tokens in the wrong order.</summary>
    private static LockHistory Distorted(LockHistory history)
    {
        long most = history.Operations.Max(operation => operation.Token) + 1;
        var distorted = new LockHistory();
        foreach (LockOperation operation in history.Operations)
        {
            distorted.Add(operation with { Token = operation.Token == 0 ? 0 : most - operation.Token, Waited = operation.Waited * 2 });
        }

        foreach (QueueSighting sighting in history.Sightings)
        {
            distorted.Add(sighting);
        }

        return distorted;
    }

    private static string Counts(LockHistory history) => string.Join(", ", history.Operations
        .GroupBy(operation => (operation.Call, operation.Status))
        .OrderBy(same => same.Key)
        .Select(same => $"{same.Key.Call} {same.Key.Status} {same.Count()}x"));

    private async Task<bool> AllAreFreeAsync(LockWorkload workload)
    {
        foreach (string name in workload.Names)
        {
            Answer state = await _cluster.One.GetAsync($"/v1/locks/{name}");
            if (state.Status != HttpStatusCode.OK || state.Body.GetProperty("held").GetBoolean() || state.Number("queueLength") > 0)
            {
                return false;
            }
        }

        return true;
    }
}
