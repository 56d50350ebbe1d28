using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>The configuration of an ensemble, on one whose only voter is a server of this test's own.</summary>
public sealed partial class ReconfigurationTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("lockservice-member-").FullName;
    private string _self = "";
    private ZooKeeperServer _server = null!;

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_data, "myid"), "1");
        _self = $"127.0.0.1:{FreePort.Next()}:{FreePort.Next()}:participant";
        _server = await ZooKeeperServer.StartNewAsync(new ZooKeeperServerOptions
        {
            Config = new Dictionary<string, string>
            {
                ["dataDir"] = _data,
                ["server.1"] = _self,
                ["initLimit"] = "10",
                ["syncLimit"] = "5",
                ["reconfigEnabled"] = "true",
                ["standaloneEnabled"] = "false",
            },
            // Only a superuser may write the configuration otherwise.
            SystemProperties = new Dictionary<string, string> { ["zookeeper.skipACL"] = "yes" },
        });
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task Servers_join_leave_and_are_replaced_and_a_watch_reports_it_whatever_the_chroot()
    {
        await using var root = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(_server.ConnectString) });
        await root.CreateAsync("/chroot");
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(_server.ConnectString + "/chroot") });
        Watched<NodeData>? before = await client.WatchConfigAsync();
        string observer = $"server.2=127.0.0.1:{FreePort.Next()}:{FreePort.Next()}:observer;127.0.0.1:{FreePort.Next()}";

        NodeData joined = await client.ReconfigureAsync([observer], [], Id(before!.Value));
        WatchEvent seen = await Eventually.CompletesAsync("the watch reports the change", before.Watch.Changed);
        NodeData? read = await client.GetConfigAsync();
        await Refused.WithAsync(ErrorCode.BadVersion, EnsembleOperations.ConfigPath, client.ReconfigureAsync([], [2], Id(before.Value)));
        NodeData left = await client.ReconfigureAsync([], [2], Id(joined));
        string self = Line(left, "server.1");
        NodeData replaced = await client.ReplaceServersAsync([self, observer]);

        Assert.Contains(observer, Text(joined), StringComparison.Ordinal);
        Assert.Equal(new WatchEvent(WatchEventType.NodeDataChanged, EnsembleOperations.ConfigPath), seen);
        Assert.Equal(Text(joined), Text(read!));
        Assert.True(Id(joined) > Id(before.Value));
        Assert.DoesNotContain("server.2", Text(left), StringComparison.Ordinal);
        Assert.Equal(observer, Line(replaced, "server.2"));
    }

    [Fact]
    public async Task A_configuration_is_refused_whose_servers_do_not_run_or_make_no_sense()
    {
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(_server.ConnectString) });
        string voter = $"server.2=127.0.0.1:{FreePort.Next()}:{FreePort.Next()}:participant;127.0.0.1:{FreePort.Next()}";

        await Refused.WithAsync(ErrorCode.NewConfigNoQuorum, EnsembleOperations.ConfigPath, client.ReconfigureAsync([voter], []));
        await Refused.WithAsync(ErrorCode.BadArguments, EnsembleOperations.ConfigPath, client.ReconfigureAsync(["nonsense"], []));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => client.ReplaceServersAsync([]));
    }

    [Theory]
    [InlineData("server.1=zk1:2888:3888:participant;zk1:2181", "zk1:2181")]
    [InlineData("server.1=zk1:2888:3888:participant;0.0.0.0:2181", "zk1:2181")]
    [InlineData("server.1=zk1:2888:3888:observer;2182", "zk1:2182")]
    [InlineData("server.1=[fd00::1]:2888:3888:participant;[0:0:0:0:0:0:0:0]:2181", "[fd00::1]:2181")]
    [InlineData("server.1=a:2888:3888|b:2888:3888:participant;c:2181\nserver.2=zk2:2888:3888:participant;[::1]:2183\nversion=0", "c:2181,[::1]:2183")]
    [InlineData("server.1=zk1:2888:3888:participant\nversion=100000000", "")]
    [InlineData("", "")]
    public void The_servers_for_clients_are_found_in_a_configuration(string config, string expected) => Assert.Equal(
        expected, string.Join(',', EnsembleOperations.ServersIn(new NodeData(Encoding.UTF8.GetBytes(config), default))));

    private static string Text(NodeData config) => Encoding.UTF8.GetString(config.Data.Span);

    private static string Line(NodeData config, string name) =>
        Text(config).Split('\n').Single(line => line.StartsWith(name + "=", StringComparison.Ordinal));

    private static long Id(NodeData config) => long.Parse(Version().Match(Text(config)).Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    [GeneratedRegex("version=([0-9a-f]+)")]
    private static partial Regex Version();
}
