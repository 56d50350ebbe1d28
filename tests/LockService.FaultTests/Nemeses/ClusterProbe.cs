using System.Net;
using System.Text.Json;
using LockService.FaultTests.Clusters;
using LockService.Testing;
using Xunit;

namespace LockService.FaultTests.Nemeses;

/// <summary>A cluster for tests of nemeses, and what they look at to see whether one works.</summary>
public sealed class ClusterProbe : IAsyncLifetime
{
    internal FaultCluster Cluster { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync() => Cluster = await FaultCluster.StartAsync(Path.Combine(AppContext.BaseDirectory, "LockService.Api.dll"));

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Cluster.DisposeAsync();

    /// <summary>Strikes, ends the fault as soon as its effect was seen, and waits until everything serves again.</summary>
    internal async Task StrikeAsync(INemesis nemesis, Func<Task> effect, int seed = 1)
    {
        using var hurry = new CancellationTokenSource();
        Task strike = nemesis.StrikeAsync(Cluster, new Random(seed), hurry.Token);
        try
        {
            await effect();
        }
        finally
        {
            await hurry.CancelAsync();
            await Eventually.CompletesAsync($"{nemesis.Kind} ends", strike, TimeSpan.FromMinutes(1));
        }

        await WholeAsync();
    }

    /// <summary>Waits until all servers follow one leader, and all instances are ready.</summary>
    internal async Task WholeAsync()
    {
        await Eventually.TrueAsync("three servers serve", async () => (await ModesAsync()).Order().SequenceEqual(["follower", "follower", "leader"]));
        foreach (Instance instance in Cluster.Instances)
        {
            await Eventually.TrueAsync($"instance {instance.Number} is ready", async () => await StatusAsync(instance, "/readyz") == HttpStatusCode.OK);
        }
    }

    /// <summary>What the servers say they are; the empty text for one that does not say.</summary>
    internal async Task<string[]> ModesAsync() => await Task.WhenAll(Cluster.ZooKeeper.Servers.Select(async server => await server.ModeAsync() ?? ""));

    /// <summary>An instance's answer as its clients get it; null without one within a second.</summary>
    internal static async Task<HttpStatusCode?> StatusAsync(Instance instance, string path)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1), TimeProvider.System);
        try
        {
            using HttpResponseMessage response = await instance.Http.GetAsync(new Uri(path, UriKind.Relative), limit.Token);
            return response.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or System.Net.Sockets.SocketException or OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>Which of the instances give this answer.</summary>
    internal async Task<int> CountAsync(string path, HttpStatusCode? status)
    {
        HttpStatusCode?[] answers = await Task.WhenAll(Cluster.Instances.Select(instance => StatusAsync(instance, path)));
        return answers.Count(answer => answer == status);
    }

    /// <summary>The sessions that the instances tell of.</summary>
    internal async Task<string[]> SessionsAsync() => await Task.WhenAll(Cluster.Instances.Select(async instance =>
    {
        using JsonDocument status = JsonDocument.Parse(await instance.Http.GetStringAsync(new Uri("/v1/status", UriKind.Relative)));
        return status.RootElement.GetProperty("zooKeeper").GetProperty("sessionId").ToString();
    }));
}

/// <summary>They share it, one after the other.</summary>
[CollectionDefinition(nameof(ClusterProbe))]
public sealed class SharedClusterProbe : ICollectionFixture<ClusterProbe>;
