using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using LockService.Testing;
using Microsoft.Extensions.Logging;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>N14: encrypted, to the right server, or not at all.</summary>
[Collection(SecureZooKeeper.Name)]
public sealed class TlsTests(SecureZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task A_session_over_TLS_with_certificates_on_both_sides()
    {
        await using var client = new ZooKeeperClient(zookeeper.SecureOptions());
        string path = zookeeper.NewPath();
        byte[] large = Encoding.ASCII.GetBytes(new string('x', 500_000));

        await Eventually.CompletesAsync("the node is created", client.CreateAsync(path, large));

        Assert.Equal(large, (await client.GetDataAsync(path))!.Data);
    }

    [Fact]
    public async Task The_certificate_is_an_identity_for_access_control_lists()
    {
        await using var client = new ZooKeeperClient(zookeeper.SecureOptions());
        await using var nobody = new ZooKeeperClient(SecureZooKeeperFixture.OptionsFor(zookeeper.Server.Port, tls: null));
        string path = zookeeper.NewPath();

        await Eventually.CompletesAsync(
            "the node is created", client.CreateAsync(path, acl: [new Acl(Permissions.All, "x509", "CN=tester")]));

        Assert.NotNull(await client.GetDataAsync(path));
        Assert.Contains(new ClientIdentity("x509", "CN=tester"), await client.WhoAmIAsync());
        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => nobody.GetDataAsync(path));
        Assert.Equal(ErrorCode.NoAuth, refused.Code);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Both_versions_carry_many_requests_at_once_and_a_session_over_a_cut(SslProtocols protocols)
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        using X509Certificate2 certificate = zookeeper.Authority.IssueServer();
        using var front = new TlsFront(PortOf(proxy), certificate, protocols);
        await using var client = new ZooKeeperClient(SecureZooKeeperFixture.OptionsFor(front.Port, zookeeper.Tls));
        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
        long session = client.SessionId;
        byte[] data = new byte[2_000];
        string path = zookeeper.NewPath();
        await client.CreateAsync(path);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => client.CreateAsync($"{path}/{i}", data)));
        await proxy.CutAsync(client);

        NodeChildren? children = await Eventually.CompletesAsync("the session goes on", client.GetChildrenAsync(path));
        Assert.Equal(200, children!.Names.Count);
        Assert.Equal(session, client.SessionId);
    }

    [Fact]
    public async Task An_address_is_verified_like_a_name()
    {
        ZooKeeperOptions options = zookeeper.SecureOptions() with { Servers = ConnectString.Parse($"127.0.0.1:{zookeeper.Server.SecurePort}") };
        await using var client = new ZooKeeperClient(options);

        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
    }

    [Fact]
    public Task A_server_with_the_name_of_another_is_refused() =>
        IsRefusedAsync(zookeeper.Authority.IssueServerElsewhere(), zookeeper.Tls, "RemoteCertificateNameMismatch");

    [Fact]
    public async Task Another_name_is_accepted_if_the_options_expect_it()
    {
        using X509Certificate2 certificate = zookeeper.Authority.IssueServerElsewhere();
        using var front = new TlsFront(zookeeper.Server.Port, certificate, SslProtocols.Tls13);
        TlsOptions tls = zookeeper.Tls with { ServerName = "elsewhere.example" };
        await using var client = new ZooKeeperClient(SecureZooKeeperFixture.OptionsFor(front.Port, tls));

        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
    }

    [Fact]
    public Task A_server_whose_certificate_has_expired_is_refused() =>
        IsRefusedAsync(zookeeper.Authority.IssueExpiredServer(), zookeeper.Tls, "NotTimeValid");

    [Fact]
    public async Task A_server_of_another_authority_is_refused()
    {
        using var other = new CertificateAuthority();

        await IsRefusedAsync(other.IssueServer(), zookeeper.Tls, "PartialChain");
    }

    [Fact]
    public Task An_authority_that_the_system_does_not_trust_is_refused_without_own_authorities() =>
        IsRefusedAsync(zookeeper.Authority.IssueServer(), new TlsOptions(), "PartialChain");

    [Fact]
    public Task A_certificate_for_clients_is_no_certificate_for_a_server() =>
        IsRefusedAsync(zookeeper.Authority.IssueClient("localhost"), zookeeper.Tls with { ServerName = "localhost" }, "NotValidForUsage");

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task A_server_that_wants_a_certificate_refuses_a_client_without(SslProtocols protocols)
    {
        using X509Certificate2 certificate = zookeeper.Authority.IssueServer();
        using var front = new TlsFront(zookeeper.Server.Port, certificate, protocols, clientsFrom: zookeeper.Authority);

        string failure = await FailureAsync(SecureZooKeeperFixture.OptionsFor(front.Port, zookeeper.Tls with { ClientCertificate = null }));

        Assert.Contains("client certificate", failure, StringComparison.Ordinal);
        Assert.Equal(0, front.Established);
    }

    [Fact]
    public async Task ZooKeeper_refuses_a_client_without_a_certificate()
    {
        string failure = await FailureAsync(zookeeper.SecureOptions() with { Tls = zookeeper.Tls with { ClientCertificate = null } });

        Assert.Contains("TLS with 'localhost' failed", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_certificate_that_was_disposed_of_ends_no_more_than_the_attempt()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        using X509Certificate2 certificate = zookeeper.Authority.IssueServer();
        using var front = new TlsFront(PortOf(proxy), certificate, SslProtocols.Tls13);
        using X509Certificate2 gone = zookeeper.Authority.IssueClient("gone");
        TlsOptions tls = zookeeper.Tls with { ClientCertificate = gone };
        await using var client = new ZooKeeperClient(SecureZooKeeperFixture.OptionsFor(front.Port, tls));
        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());

        gone.Dispose();
        await proxy.CutAsync(client);

        await Eventually.TrueAsync(
            "it is told", () => client.Status.Failure?.StartsWith("TLS with 'localhost' failed", StringComparison.Ordinal) ?? false);
        Assert.Equal(SessionState.Connecting, client.Status.State);
    }

    [Fact]
    public async Task A_server_without_TLS_gets_nothing_but_a_TLS_handshake()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var firstBytes = new ConcurrentQueue<int>();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Task serving = Task.Run(async () =>
        {
            while (firstBytes.Count < 3)
            {
                using TcpClient accepted = await listener.AcceptTcpClientAsync();
                byte[] first = new byte[1];
                firstBytes.Enqueue(await accepted.GetStream().ReadAsync(first) == 1 ? first[0] : -1);
            }
        });

        string failure = await FailureAsync(SecureZooKeeperFixture.OptionsFor(port, zookeeper.Tls), () => firstBytes.Count >= 3);
        await serving;

        const int tlsHandshake = 0x16;
        Assert.Contains("TLS with 'localhost' failed", failure, StringComparison.Ordinal);
        Assert.All(firstBytes, first => Assert.Equal(tlsHandshake, first));
    }

    [Fact]
    public async Task ZooKeepers_port_without_TLS_refuses_a_client_with_it()
    {
        string failure = await FailureAsync(SecureZooKeeperFixture.OptionsFor(zookeeper.Server.Port, zookeeper.Tls));

        Assert.Contains("TLS with 'localhost' failed", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ZooKeepers_TLS_port_refuses_a_client_without_it()
    {
        string failure = await FailureAsync(SecureZooKeeperFixture.OptionsFor(zookeeper.Server.SecurePort, tls: null));

        Assert.Contains("expects TLS", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_never_answers_the_handshake_is_left_in_time_and_a_close_does_not_wait_for_it()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int silent = ((IPEndPoint)listener.LocalEndpoint).Port;
        ZooKeeperOptions options = zookeeper.SecureOptions() with
        {
            Servers = ConnectString.Parse($"localhost:{silent},localhost:{zookeeper.Server.SecurePort}"),
            SessionTimeout = TimeSpan.FromSeconds(3),
        };
        await using var client = new ZooKeeperClient(options);
        await Eventually.CompletesAsync("the other server is found", client.WhenConnectedAsync());
        var stuck = new ZooKeeperClient(SecureZooKeeperFixture.OptionsFor(silent, zookeeper.Tls) with { SessionTimeout = TimeSpan.FromMinutes(10) });
        await Eventually.TrueAsync("it is connecting", listener.Pending);

        await Eventually.CompletesAsync("it is closed", stuck.DisposeAsync().AsTask(), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_black_hole_is_noticed_as_without_TLS()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        using X509Certificate2 certificate = zookeeper.Authority.IssueServer();
        using var front = new TlsFront(PortOf(proxy), certificate, SslProtocols.Tls13);
        ZooKeeperOptions options = SecureZooKeeperFixture.OptionsFor(front.Port, zookeeper.Tls) with { SessionTimeout = TimeSpan.FromSeconds(3) };
        await using var client = new ZooKeeperClient(options);
        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
        Task<SessionStatus> next = client.Status.Next;

        proxy.Stall();

        SessionStatus lost = await Eventually.CompletesAsync("the silence is noticed", next);
        Assert.True(TimeProvider.System.GetElapsedTime(lost.Since) > client.SessionTimeout / 4, "the unanswered ping counts");
    }

    [Fact]
    public void Versions_with_known_holes_are_not_possible() => Assert.Throws<ArgumentOutOfRangeException>(() =>
        new ZooKeeperClient(zookeeper.SecureOptions() with { Tls = zookeeper.Tls with { Protocols = SslProtocols.None } }));

    private static int PortOf(ZooKeeperProxy proxy) => ConnectString.Parse(proxy.ConnectString).Servers[0].Port;

    /// <summary>The client refuses that certificate, says why, and has sent nothing.</summary>
    private async Task IsRefusedAsync(X509Certificate2 certificate, TlsOptions tls, string reason)
    {
        using X509Certificate2 presented = certificate;
        using var front = new TlsFront(zookeeper.Server.Port, presented, SslProtocols.Tls12 | SslProtocols.Tls13);

        string failure = await FailureAsync(SecureZooKeeperFixture.OptionsFor(front.Port, tls), () => front.Attempts >= 2);

        Assert.Contains(reason, failure, StringComparison.Ordinal);
        Assert.Equal(0, front.Established);
    }

    /// <summary>What the status and the log say of a connection that does not come about.</summary>
    private static async Task<string> FailureAsync(ZooKeeperOptions options, Func<bool>? repeated = null)
    {
        var log = new RecordingLogger<ZooKeeperClient>();
        await using var client = new ZooKeeperClient(options, log);
        Task<Stat?> waiting = client.ExistsAsync("/");

        await Eventually.TrueAsync("a failure is told", () => client.Status.Failure is not null);

        await Eventually.TrueAsync("it is tried again", repeated ?? (() => true));
        string failure = client.Status.Failure!;
        Assert.NotEqual(SessionState.Connected, client.Status.State);
        Assert.Contains(log.Lines, line => line.Level == LogLevel.Warning && line.Text.Contains(failure, StringComparison.Ordinal));
        await client.DisposeAsync();
        await Assert.ThrowsAsync<SessionEndedException>(() => waiting);
        return failure;
    }
}
