using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Three servers of which one leaves and joins again, and who may order that.</summary>
public sealed partial class EnsembleReconfigurationTests(EnsembleFixture fixture) : IClassFixture<EnsembleFixture>
{
    private readonly ZooKeeperEnsemble _ensemble = fixture.Ensemble;

    [Fact]
    public async Task Z28_A_server_leaves_and_joins_again_and_the_session_follows_the_list()
    {
        ZooKeeperServer leader = await _ensemble.LeaderAsync();
        ZooKeeperServer leaving = (await _ensemble.FollowersAsync())[0];
        await using ZooKeeperClient admin = Admin(leader.ConnectString);
        using var proxy = new ZooKeeperProxy(leaving.Port);
        await using var client = new ZooKeeperClient(Options(proxy.ConnectString));
        string node = $"/{Guid.NewGuid():N}";
        await client.CreateAsync(node, mode: CreateMode.Ephemeral);
        Watched<NodeData>? before = await client.WatchConfigAsync();
        string line = Lines(before!.Value).Single(server => server.EndsWith($":{leaving.Port}", StringComparison.Ordinal));
        int number = int.Parse(line["server.".Length..line.IndexOf('=', StringComparison.Ordinal)], CultureInfo.InvariantCulture);

        NodeData without = await admin.ReconfigureAsync([], [number], Id(before.Value));
        await Eventually.CompletesAsync("the watch reports the change", before.Watch.Changed);
        client.UpdateServers(EnsembleOperations.ServersIn(without));
        await proxy.CutAsync(client);
        Stat? moved = await Eventually.CompletesAsync("the session moves to a server that stayed", client.ExistsAsync(node));
        ZooKeeperServer used = _ensemble.ServerOf(client);
        NodeData again = await admin.ReconfigureAsync([line], [], Id(without));

        Assert.Equal(client.SessionId, moved?.EphemeralOwner);
        Assert.NotSame(leaving, used);
        Assert.Equal(2, EnsembleOperations.ServersIn(without).Count);
        Assert.DoesNotContain(line, Lines(without));
        Assert.Equal(Lines(before.Value).Order(), Lines(again).Order());
        Assert.Equal(
            _ensemble.Servers.Select(server => server.ConnectString).Order(),
            EnsembleOperations.ServersIn(again).Select(server => server.ToString()).Order());
    }

    [Fact]
    public async Task Who_has_no_rights_to_the_configuration_is_refused()
    {
        await using var anybody = new ZooKeeperClient(Options(_ensemble.ConnectString));
        NodeData? before = await anybody.GetConfigAsync();

        Task<NodeData> tried = anybody.ReconfigureAsync([], [1]);

        await IsRefusedAsync(ErrorCode.NoAuth, tried);
        Assert.Equal(Lines(before!), Lines((await anybody.GetConfigAsync())!));
    }

    [Fact]
    public async Task A_configuration_that_has_changed_meanwhile_is_not_replaced()
    {
        await using ZooKeeperClient admin = Admin(_ensemble.ConnectString);
        NodeData? present = await admin.GetConfigAsync();

        await IsRefusedAsync(ErrorCode.BadVersion, admin.ReplaceServersAsync(Lines(present!), Id(present!) - 1));
    }

    [Fact]
    public async Task A_reconfiguration_that_meets_another_one_is_refused_and_can_be_repeated()
    {
        ZooKeeperServer leader = await _ensemble.LeaderAsync();
        await using ZooKeeperClient admin = Admin(leader.ConnectString);
        string[] members = Lines((await admin.GetConfigAsync())!);
        List<Task<NodeData>> all = [];

        await Eventually.TrueAsync("two have met", async () =>
        {
            Task<NodeData>[] two = [admin.ReplaceServersAsync(members), admin.ReplaceServersAsync(members)];
            all.AddRange(two);
            await Task.WhenAll(two.Select(one => one.ContinueWith(_ => { }, TaskScheduler.Default)));
            return two.Any(one => one.IsFaulted);
        });

        await IsRefusedAsync(ErrorCode.ReconfigInProgress, all.Single(one => one.IsFaulted));
        Assert.Equal(members.Order(), Lines(await admin.ReplaceServersAsync(members)).Order());
    }

    private static async Task IsRefusedAsync(ErrorCode code, Task tried)
    {
        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => tried);
        Assert.Equal(code, refused.Code);
        Assert.Equal(RequestOutcome.Refused, refused.Outcome);
    }

    private static ZooKeeperOptions Options(string servers) => new() { Servers = ConnectString.Parse(servers) };

    private static ZooKeeperClient Admin(string servers) => new(Options(servers) with
    {
        Credentials = new CredentialOptions { Digest = [ZooKeeperEnsemble.Super], AllowPasswordsWithoutTls = true },
    });

    private static string[] Lines(NodeData config) =>
        [.. Encoding.UTF8.GetString(config.Data.Span).Split('\n').Where(line => line.StartsWith("server.", StringComparison.Ordinal))];

    private static long Id(NodeData config) =>
        long.Parse(Version().Match(Encoding.UTF8.GetString(config.Data.Span)).Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex("version=([0-9a-f]+)")]
    private static partial Regex Version();
}
