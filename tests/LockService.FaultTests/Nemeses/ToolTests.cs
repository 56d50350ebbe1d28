using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using LockService.FaultTests.Clusters;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.FaultTests.Nemeses;

/// <summary>Kinds of faults that need tools of the system, or a cluster prepared for them: they are the real thing.</summary>
[Collection(nameof(ClusterProbe))]
public sealed class ToolTests(ClusterProbe probe)
{
    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);

    [Fact]
    public async Task A_server_whose_disk_is_full_cannot_write_its_log()
    {
        await using ZooKeeperClient client = probe.Cluster.Client();
        int before = ErrorsOfLogWriters();
        await probe.StrikeAsync(DiskNemeses.FullOnOne, () => Eventually.TrueAsync("a log cannot be written", async () =>
        {
            await WritesAsync(client);
            return ErrorsOfLogWriters() > before;
        }));
        await Eventually.TrueAsync("the servers can be written to again", () => WritesAsync(client));
    }

    [Fact]
    public async Task A_write_takes_as_long_as_the_disks_of_all_servers()
    {
        await using ZooKeeperClient client = probe.Cluster.Client();
        await probe.StrikeAsync(DiskNemeses.SlowOnAll, () => Eventually.TrueAsync("a write takes long", async () =>
        {
            long start = TimeProvider.System.GetTimestamp();
            await client.SetDataAsync("/", default, -1);
            return TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromSeconds(0.4);
        }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_servers_clock_is_an_hour_off(int hours)
    {
        INemesis nemesis = hours > 0 ? ClockNemeses.ServerAhead : ClockNemeses.ServerBehind;
        string[] before = Lines();
        await probe.StrikeAsync(nemesis, () => Eventually.TrueAsync(
            "a server logs another hour", () => Lines().Except(before).Any(line => IsOff(LoggedAt(line), hours))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task An_instances_clock_is_an_hour_off(int hours)
    {
        INemesis nemesis = hours > 0 ? ClockNemeses.InstanceAhead : ClockNemeses.InstanceBehind;
        await probe.StrikeAsync(nemesis, () => Eventually.TrueAsync("an instance tells another hour", async () =>
        {
            foreach (Instance instance in probe.Cluster.Instances.Where(instance => instance.Process is not null))
            {
                try
                {
                    using HttpResponseMessage answer = await instance.Http.GetAsync(new Uri("/livez", UriKind.Relative));
                    if (IsOff(answer.Headers.Date?.UtcDateTime, hours))
                    {
                        return true;
                    }
                }
                catch (HttpRequestException)
                {
                    // It is being restarted.
                }
            }

            return false;
        }));
    }

    [Fact]
    public async Task A_server_with_a_limit_of_one_connection_lets_in_no_more()
    {
        await probe.StrikeAsync(ServerNemeses.OneConnection, () => Eventually.TrueAsync("a server has too many connections", async () =>
        {
            foreach (ZooKeeperServer server in probe.Cluster.ZooKeeper.Servers)
            {
                // The second one finds the first one there.
                await Task.WhenAll(server.ModeAsync(), server.ModeAsync());
            }

            return Lines().Any(line => line.Contains("Too many connections from", StringComparison.Ordinal));
        }));
    }

    [Fact]
    public async Task The_leader_is_elected_anew_when_half_of_the_zxid_is_used_up()
    {
        int[] processes = [.. probe.Cluster.ZooKeeper.Servers.Select(server => server.ProcessId)];
        await ServerNemeses.RollOver.StrikeAsync(probe.Cluster, new Random(1), CancellationToken.None);

        Assert.Contains(Lines(), line => line.Contains("rolled over", StringComparison.Ordinal));
        Assert.Equal(processes, probe.Cluster.ZooKeeper.Servers.Select(server => server.ProcessId));
        await probe.WholeAsync();
    }

    [Fact]
    public async Task Nobody_is_let_in_where_the_numbers_of_the_queue_are_used_up_and_a_few_are_where_they_nearly_are()
    {
        HttpClient http = probe.Cluster.Instances[0].Http;
        using HttpResponseMessage near = await http.PostAsJsonAsync($"/v1/locks/{FaultCluster.LockNearTheEnd}/acquire", new { ttlMs = 5000 });
        using HttpResponseMessage beyond = await http.PostAsJsonAsync($"/v1/locks/{FaultCluster.LockBeyondTheEnd}/acquire", new { ttlMs = 5000 });
        using HttpResponseMessage waited = await http.PostAsJsonAsync($"/v1/locks/{FaultCluster.LockNearTheEnd}/acquire", new { ttlMs = 5000, waitMs = 500 });

        Assert.Equal(HttpStatusCode.OK, near.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, beyond.StatusCode);
        // The one before and this one tell that it was not for want of ZooKeeper.
        Assert.Equal(HttpStatusCode.Conflict, waited.StatusCode);
    }

    private static bool IsOff(DateTime? time, int hours)
    {
        TimeSpan? offset = time - TimeProvider.System.GetUtcNow().UtcDateTime;
        return offset is { } by && (by - (hours * s_hour)).Duration() < TimeSpan.FromMinutes(10);
    }

    /// <summary>When a line was logged, by the server's clock; null if the line is part of another one.</summary>
    private static DateTime? LoggedAt(string line) =>
        DateTime.TryParse(line.Split('[')[0], CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal | DateTimeStyles.AdjustToUniversal, out DateTime time)
            ? time
            : null;

    private int ErrorsOfLogWriters() => Lines().Count(line => line.Contains("java.io.IOException: File too large", StringComparison.Ordinal));

    private string[] Lines() => [.. probe.Cluster.ZooKeeper.Servers.SelectMany(server => server.Log)];

    /// <returns>False if the connection broke meanwhile: a server that cannot write ends.</returns>
    private static async Task<bool> WritesAsync(ZooKeeperClient client)
    {
        try
        {
            await client.SetDataAsync("/", default, -1);
            return true;
        }
        catch (OutcomeUnknownException)
        {
            return false;
        }
    }
}
