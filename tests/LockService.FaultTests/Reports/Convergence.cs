using System.Net;
using System.Net.Sockets;
using LockService.FaultTests.Clusters;
using LockService.FaultTests.Workloads;
using LockService.Testing;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Reports;

/// <summary>Whether everything is as before when the faults are over: instances serve, nothing is held or waited for, nothing has leaked.</summary>
internal sealed class Convergence(FaultCluster cluster, TimeProvider clock)
{
    /// <summary>Within it every instance is ready and acknowledges writes.</summary>
    private static readonly TimeSpan s_service = TimeSpan.FromSeconds(10);

    /// <summary>Twice the longest lease or session, and the sweep of every minute, which finds leases that nobody times.</summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromSeconds(75);

    /// <summary>How long one waits for what should have come, to tell how late it is.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    /// <summary>Connections that clients leave open in their pools are no leak; nor is what a loaded runtime keeps for the next load.</summary>
    private const double Growth = 1.2;
    private const int HandlesOfClients = 60;
    private const long KeptKiB = 64 * 1024;

    private readonly List<string> _violations = [];
    private readonly Dictionary<string, double> _figures = [];

    /// <summary>What was found.</summary>
    internal CheckReport Report() => new("convergence", _violations, _figures);

    /// <summary>Makes whole whatever is still broken, although every nemesis should have done that.</summary>
    internal async Task HealAsync()
    {
        foreach (Link link in cluster.Links)
        {
            link.Heal();
        }

        await cluster.ZooKeeper.RestoreAsync();
        await Task.WhenAll(cluster.Instances.Where(instance => instance.Process is null).Select(instance => instance.StartAsync()));
    }

    /// <summary>Waits until every instance is ready and acknowledges a write.</summary>
    internal async Task ServeAgainAsync()
    {
        long begin = clock.GetTimestamp();
        TimeSpan[] times = await Task.WhenAll(cluster.Instances.Select(async instance =>
        {
            await Eventually.TrueAsync($"instance {instance.Number} is ready", () => AnswersAsync(instance, HttpMethod.Get, "/readyz"), s_patience);
            await Eventually.TrueAsync($"instance {instance.Number} writes", () => AnswersAsync(instance, HttpMethod.Post, "/v1/counters/pulse/increment"), s_patience);
            return clock.GetElapsedTime(begin);
        }));
        Expect("ready and writing again s", times.Max().TotalSeconds, s_service.TotalSeconds);
    }

    /// <summary>Waits until the service has nothing left of what the clients did.</summary>
    internal async Task SettleAsync(IReadOnlyList<IWorkload> workloads)
    {
        long begin = clock.GetTimestamp();
        await Task.WhenAll(workloads.Select(async workload =>
        {
            try
            {
                await Eventually.TrueAsync($"nothing is left of {workload.Name}", workload.HasSettledAsync, s_patience);
            }
            catch (TimeoutException e)
            {
                lock (_violations)
                {
                    _violations.Add(e.Message);
                }
            }
        }));
        Expect("settled s", clock.GetElapsedTime(begin).TotalSeconds, s_settling.TotalSeconds);
    }

    /// <summary>Looks for what nobody needs any more: ephemeral nodes, memory, handles.</summary>
    /// <param name="before">What each instance took when nothing was broken yet.</param>
    internal async Task LeaveNothingAsync(Footprint[] before)
    {
        string[] orphans = [];
        try
        {
            await Eventually.TrueAsync("no ephemeral node is left", async () => (orphans = await OrphansAsync()).Length == 0);
        }
        catch (TimeoutException)
        {
            _violations.AddRange(orphans.Select(path => $"An ephemeral node is left: {path}"));
        }

        foreach (Instance instance in cluster.Instances)
        {
            Footprint then = before[instance.Number];
            Footprint now = Footprint.Of(instance);
            _figures[$"instance {instance.Number} MiB before"] = then.ResidentKiB / 1024.0;
            _figures[$"instance {instance.Number} MiB after"] = now.ResidentKiB / 1024.0;
            _figures[$"instance {instance.Number} handles before"] = then.Handles;
            _figures[$"instance {instance.Number} handles after"] = now.Handles;
            if (now.Handles > (then.Handles * Growth) + HandlesOfClients || now.ResidentKiB > (then.ResidentKiB * Growth) + KeptKiB)
            {
                _violations.Add($"Instance {instance.Number} has grown from {then} to {now}.");
            }
        }
    }

    /// <summary>The waiters' nodes that ZooKeeper has; instances that live have one each of their own.</summary>
    private async Task<string[]> OrphansAsync()
    {
        ZooKeeperServer leader = await cluster.ZooKeeper.LeaderAsync();
        string[] lines = (await leader.AskAsync("dump")).Split('\n', StringSplitOptions.TrimEntries);
        return [.. lines.Where(line => line.StartsWith("/lockservice/", StringComparison.Ordinal) && !line.StartsWith("/lockservice/instances/", StringComparison.Ordinal))];
    }

    private static async Task<bool> AnswersAsync(Instance instance, HttpMethod method, string path)
    {
        try
        {
            using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
            using HttpResponseMessage response = await instance.Http.SendAsync(request);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    }

    private void Expect(string name, double value, double most)
    {
        _figures[name] = value;
        if (value > most)
        {
            _violations.Add($"{name}: {value:0.0} instead of {most:0.0} at most.");
        }
    }
}
