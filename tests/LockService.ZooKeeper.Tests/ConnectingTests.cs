using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using LockService.Testing;
using Microsoft.Extensions.Logging;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Servers that are not there, do not want us, or are not what we want.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class ConnectingTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task A_server_that_comes_up_late_is_found_and_gets_what_waited()
    {
        int port = FreePort.Next();
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse($"127.0.0.1:{port}") });
        Task<Stat?> waiting = client.ExistsAsync("/");
        await Eventually.TrueAsync("the client is connecting", () => client.Status.State == SessionState.Connecting);
        Assert.False(waiting.IsCompleted);

        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        using TcpClient accepted = await Eventually.CompletesAsync("the client comes back", listener.AcceptTcpClientAsync());

        byte[] request = new byte[49];
        await accepted.GetStream().ReadExactlyAsync(request);
        Assert.Equal(45, BinaryPrimitives.ReadInt32BigEndian(request));
    }

    [Fact]
    public async Task The_only_server_is_tried_again_long_before_the_session_would_be_lost_on_one_silent_connection()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var client = new ZooKeeperClient(new ZooKeeperOptions
        {
            Servers = ConnectString.Parse($"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"),
            SessionTimeout = TimeSpan.FromSeconds(6),
        });
        using TcpClient silent = await Eventually.CompletesAsync("the client comes", listener.AcceptTcpClientAsync());

        using TcpClient second = await Eventually.CompletesAsync(
            "the client comes again", listener.AcceptTcpClientAsync(), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task One_dead_server_of_two_delays_nothing_but_the_connection()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        string text = $"127.0.0.1:{FreePort.Next()},{options.Servers}";
        await using var client = new ZooKeeperClient(options with { Servers = ConnectString.Parse(text) });

        Assert.NotNull(await Eventually.CompletesAsync("the other server is used", client.ExistsAsync("/")));
    }

    [Fact]
    public async Task Addresses_that_swallow_packets_do_not_use_up_the_session_timeout()
    {
        using var first = new FullBacklog();
        using var second = new FullBacklog();
        using var third = new FullBacklog();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync() with { SessionTimeout = TimeSpan.FromSeconds(60) };
        string text = $"127.0.0.1:{first.Port},127.0.0.1:{second.Port},127.0.0.1:{third.Port},{options.Servers}";
        await using var client = new ZooKeeperClient(options with { Servers = ConnectString.Parse(text) });

        await Eventually.CompletesAsync("the living server is found", client.WhenConnectedAsync(), TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData("no-such-host.invalid")]
    [InlineData("0.0.0.1")]
    public async Task A_name_that_leads_nowhere_does_not_stop_the_search(string host)
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        string text = $"{host}:2181,{options.Servers}";
        await using var client = new ZooKeeperClient(options with { Servers = ConnectString.Parse(text) });

        Assert.NotNull(await Eventually.CompletesAsync("the other server is used", client.ExistsAsync("/")));
    }

    [Fact]
    public async Task The_unspecified_address_means_this_machine()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        string text = $"0.0.0.0:{zookeeper.Server.Port}{options.Servers.Chroot}";
        await using var client = new ZooKeeperClient(options with { Servers = ConnectString.Parse(text) });

        Assert.NotNull(await Eventually.CompletesAsync("the server is reached", client.ExistsAsync("/")));
    }

    [Fact]
    public async Task P10_A_server_that_closes_at_once_is_reported_as_perhaps_full_and_tried_ever_more_slowly()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy);
        proxy.Refuse();
        var log = new RecordingLogger<ZooKeeperClient>();
        long start = TimeProvider.System.GetTimestamp();
        await using var client = new ZooKeeperClient(options, log);

        await Eventually.TrueAsync("the fifth attempt is made", () => proxy.Accepted >= 5);
        TimeSpan took = TimeProvider.System.GetElapsedTime(start);
        proxy.Admit();

        await Eventually.CompletesAsync("the client recovers", client.WhenConnectedAsync());
        Assert.Contains(log.Lines, line => line.Text.Contains("maxClientCnxns", StringComparison.Ordinal));
        // Half of 200, 400, 800 and 1600 ms is the least that the four pauses can last.
        Assert.True(took >= TimeSpan.FromMilliseconds(1_500), $"five attempts within {took}");
    }

    [Fact]
    public async Task A_server_that_accepts_and_drops_the_session_over_and_over_causes_no_storm()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        long start = TimeProvider.System.GetTimestamp();
        for (int i = 1; i <= 5; i++)
        {
            await Eventually.TrueAsync("the client is back", () => proxy.Connects.Count == i && client.Status.State == SessionState.Connected);
            await proxy.CutAsync(client);
        }

        Assert.True(TimeProvider.System.GetElapsedTime(start) >= TimeSpan.FromSeconds(1), "five connections in less than a second");
    }

    [Fact]
    public async Task Z30_Servers_that_all_accept_and_close_at_once_see_no_storm_from_a_session_that_comes_back_in_the_end()
    {
        using ZooKeeperProxy first = zookeeper.NewProxy();
        using ZooKeeperProxy second = zookeeper.NewProxy();
        using ZooKeeperProxy third = zookeeper.NewProxy();
        ZooKeeperProxy[] proxies = [first, second, third];
        // Fourteen attempts take about ten seconds, which the session has to outlive.
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxies) with { SessionTimeout = TimeSpan.FromSeconds(40) });
        await client.WhenConnectedAsync();
        long session = client.SessionId;
        int before = proxies.Sum(proxy => proxy.Accepted);
        long start = TimeProvider.System.GetTimestamp();

        Array.ForEach(proxies, proxy => proxy.Refuse());
        Array.ForEach(proxies, proxy => proxy.Cut());
        await Eventually.TrueAsync("fourteen attempts are made", () => proxies.Sum(proxy => proxy.Accepted) >= before + 14);
        TimeSpan took = TimeProvider.System.GetElapsedTime(start);
        Array.ForEach(proxies, proxy => proxy.Admit());

        // Eight may come quickly; each of the others has to be earned for a second.
        Assert.True(took >= TimeSpan.FromSeconds(5), $"fourteen attempts within {took}");
        await Eventually.CompletesAsync("the client recovers", client.WhenConnectedAsync());
        Assert.Equal(session, client.SessionId);
    }

    [Fact]
    public async Task N13_A_single_cut_is_followed_by_a_connection_within_a_second_although_another_address_is_dead()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy);
        await using var client = new ZooKeeperClient(options with { Servers = ConnectString.Parse($"127.0.0.1:{FreePort.Next()},{options.Servers}") });
        var took = new List<TimeSpan>();
        for (int i = 0; i < 5; i++)
        {
            await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
            long start = TimeProvider.System.GetTimestamp();
            await proxy.CutAsync(client);
            await Eventually.CompletesAsync("the client is connected again", client.WhenConnectedAsync());
            took.Add(TimeProvider.System.GetElapsedTime(start));
        }

        // Most, since a loaded machine may hold up any one of them.
        Assert.True(took.Order().ElementAt(2) < TimeSpan.FromSeconds(1), $"it took {string.Join(", ", took)}");
    }

    [Fact]
    public async Task P9_Refusals_by_every_server_after_a_session_raise_an_alarm_that_names_restored_data()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        var log = new RecordingLogger<ZooKeeperClient>();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy) with { SessionTimeout = TimeSpan.FromSeconds(1) };
        await using var client = new ZooKeeperClient(options, log);
        await client.CreateAsync("/n");

        proxy.Refuse();
        await proxy.CutAsync(client);

        await Eventually.TrueAsync(
            "the alarm is raised",
            () => log.Lines.Any(line => line.Level == LogLevel.Critical && line.Text.Contains("restored", StringComparison.Ordinal)));
        Assert.NotEqual(SessionState.Connected, client.Status.State);
    }

    [Fact]
    public async Task P11_A_read_only_server_is_never_used()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        Task refused = proxy.RewriteNextConnectResponse(ReadOnly);
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));

        await client.CreateAsync("/n");

        Assert.True(refused.IsCompleted);
        Assert.Equal(2, proxy.Connects.Count);
        Assert.DoesNotContain(proxy.Requests, request => request.Connection == 1);
    }

    [Fact]
    public async Task P11_The_foreign_session_id_of_a_read_only_server_does_not_end_the_session()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/e", mode: CreateMode.Ephemeral);
        long session = client.SessionId;
        _ = proxy.RewriteNextConnectResponse(response =>
        {
            BinaryPrimitives.WriteInt64BigEndian(response.AsSpan(8), 4711);
            return ReadOnly(response);
        });

        await proxy.CutAsync(client);

        Assert.Equal(session, (await client.ExistsAsync("/e"))?.EphemeralOwner);
    }

    [Fact]
    public async Task P11_A_throttled_request_is_refused_which_proves_that_it_was_not_done()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        _ = proxy.RewriteNextReply(reply =>
        {
            BinaryPrimitives.WriteInt32BigEndian(reply.AsSpan(12), (int)ErrorCode.ThrottledOp);
            return reply[..16];
        });

        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => client.CreateAsync("/n"));

        Assert.Equal(ErrorCode.ThrottledOp, refused.Code);
        Assert.Equal(RequestOutcome.Refused, refused.Outcome);
    }

    [Fact]
    public async Task A_wait_for_the_connection_can_be_cancelled()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        proxy.Refuse();
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(proxy.ConnectString) });
        using var cancellation = new CancellationTokenSource();
        Task waiting = client.WhenConnectedAsync(cancellation.Token);

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    private static byte[] ReadOnly(byte[] response)
    {
        response[^1] = 1;
        return response;
    }
}
