using LockService.Testing;
using Microsoft.Extensions.Logging;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>P12: who a client is, on every connection, or nothing at all.</summary>
[Collection(SecureZooKeeper.Name)]
public sealed class CredentialTests(SecureZooKeeperFixture zookeeper)
{
    private static readonly UserPassword s_bob = new("bob", "pw");

    [Fact]
    public async Task A_node_of_a_digest_user_is_read_with_his_password_only()
    {
        string path = zookeeper.NewPath();
        await using var bob = new ZooKeeperClient(WithDigest(new UserPassword("carol", "pw"), s_bob));
        await using var impostor = new ZooKeeperClient(WithDigest(new UserPassword("bob", "wrong")));
        await using var nobody = new ZooKeeperClient(zookeeper.SecureOptions());

        await Eventually.CompletesAsync(
            "the node is created", bob.CreateAsync(path, acl: [new Acl(Permissions.All, "digest", s_bob.DigestId)]));

        Assert.NotNull(await bob.GetDataAsync(path));
        await IsDeniedAsync(impostor, path);
        await IsDeniedAsync(nobody, path);
    }

    [Fact]
    public async Task Nodes_without_a_list_of_their_own_get_the_one_of_the_options()
    {
        var credentials = new CredentialOptions { Digest = [s_bob], Sasl = SecureZooKeeperFixture.Alice };
        ZooKeeperOptions options = zookeeper.SecureOptions() with { Credentials = credentials, NewNodeAcl = credentials.OwnNodes };
        await using var client = new ZooKeeperClient(options);
        string path = zookeeper.NewPath();
        await Eventually.CompletesAsync("the node is created", client.CreateAsync(path));

        await client.CreateAsync($"{path}/open", acl: Acl.Open);
        await client.CommitAsync(new Transaction()
            .Create($"{path}/own", default, CreateMode.Persistent)
            .Create($"{path}/open-too", default, CreateMode.Persistent, Acl.Open));

        Acl[] own = [new(Permissions.All, "digest", s_bob.DigestId), new(Permissions.All, "sasl", "alice")];
        Assert.Equal(own, (await client.GetAclAsync(path))?.Entries);
        Assert.Equal(own, (await client.GetAclAsync($"{path}/own"))?.Entries);
        Assert.Equal(Acl.Open, (await client.GetAclAsync($"{path}/open"))?.Entries);
        Assert.Equal(Acl.Open, (await client.GetAclAsync($"{path}/open-too"))?.Entries);
        Assert.Same(Acl.Open, new CredentialOptions().OwnNodes);
    }

    [Fact]
    public async Task P6_P12_Credentials_are_sent_again_after_a_cut_before_the_watches_and_the_requests()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        ZooKeeperOptions options = InClear(new CredentialOptions { Digest = [s_bob], Sasl = SecureZooKeeperFixture.Alice }, proxy);
        await using var client = new ZooKeeperClient(options);
        string path = zookeeper.NewPath();
        await client.CreateAsync(path, acl: [new Acl(Permissions.All, "digest", s_bob.DigestId)]);
        await client.WatchDataAsync(path);

        await proxy.CutAsync(client);

        Assert.NotNull(await client.GetDataAsync(path));
        RequestKind[] kinds = [.. proxy.Requests.Where(request => request.Connection == 2).Select(request => request.Kind)];
        Assert.Equal([RequestKind.Sasl, RequestKind.Sasl, RequestKind.Auth, RequestKind.SetWatches, RequestKind.GetData], kinds);
    }

    [Fact]
    public async Task The_numbers_of_SASL_frames_rise_with_those_of_the_requests()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        await using var client = new ZooKeeperClient(InClear(new CredentialOptions { Sasl = SecureZooKeeperFixture.Alice }, proxy));
        await client.SyncAsync("/");

        await proxy.CutAsync(client);
        await client.SyncAsync("/");

        int[] xids = [.. proxy.Requests.Where(request => request.Xid > 0).Select(request => request.Xid)];
        Assert.Equal([1, 2, 3, 4, 5, 6], xids);
    }

    [Fact]
    public async Task A_SASL_user_has_his_rights_over_TLS()
    {
        string path = zookeeper.NewPath();
        ZooKeeperOptions options = zookeeper.SecureOptions() with { Credentials = new CredentialOptions { Sasl = SecureZooKeeperFixture.Alice } };
        await using var alice = new ZooKeeperClient(options);
        await using var nobody = new ZooKeeperClient(zookeeper.SecureOptions());

        await Eventually.CompletesAsync("the node is created", alice.CreateAsync(path, acl: [new Acl(Permissions.All, "sasl", "alice")]));

        Assert.NotNull(await alice.GetDataAsync(path));
        await IsDeniedAsync(nobody, path);
    }

    [Theory]
    [InlineData("alice", "wrong")]
    [InlineData("mallory", "pw")]
    public Task P12_A_wrong_SASL_password_ends_the_session_for_good(string user, string password) =>
        EndsAsync(InClear(new CredentialOptions { Sasl = new UserPassword(user, password) }), $"SASL user '{user}' was refused");

    [Theory]
    [InlineData(RequestKind.Sasl, "SASL user 'alice'")]
    [InlineData(RequestKind.Auth, "the scheme digest")]
    public async Task P12_Servers_that_close_silently_on_a_credential_end_the_session_for_good(RequestKind kind, string named)
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        for (int i = 0; i < 3; i++)
        {
            _ = proxy.CutBeforeForwarding(kind);
        }

        await EndsAsync(InClear(new CredentialOptions { Digest = [s_bob], Sasl = SecureZooKeeperFixture.Alice }, proxy), $"when {named} was presented");
        Assert.Equal(3, proxy.Connects.Count);
    }

    [Fact]
    public async Task A_server_that_ends_while_a_credential_is_presented_does_not_end_the_session()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        await using var client = new ZooKeeperClient(InClear(new CredentialOptions { Sasl = SecureZooKeeperFixture.Alice }, proxy));
        for (int i = 0; i < 2; i++)
        {
            await client.SyncAsync("/");
            Task[] cuts = [proxy.CutBeforeForwarding(RequestKind.Sasl), proxy.CutBeforeForwarding(RequestKind.Sasl)];
            await proxy.CutAsync(client);
            await Eventually.CompletesAsync("both have struck", Task.WhenAll(cuts));
        }

        Assert.NotNull(await Eventually.CompletesAsync("the session goes on", client.ExistsAsync("/")));
    }

    [Fact]
    public async Task A_server_without_SASL_does_not_pass_for_one_that_accepts()
    {
        await using ZooKeeperServer plain = await ZooKeeperServer.StartNewAsync();
        var credentials = new CredentialOptions { Sasl = SecureZooKeeperFixture.Alice, AllowPasswordsWithoutTls = true };

        await EndsAsync(SecureZooKeeperFixture.OptionsFor(plain.Port, tls: null) with { Credentials = credentials }, "does not have SASL");
    }

    [Fact]
    public async Task A_server_that_does_not_know_the_password_is_found_out()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        _ = proxy.RewriteNextReply(Same, RequestKind.Sasl);
        _ = proxy.RewriteNextReply(reply => [.. reply[..^1], (byte)'x'], RequestKind.Sasl);

        await EndsAsync(InClear(new CredentialOptions { Sasl = SecureZooKeeperFixture.Alice }, proxy), "did not prove");

        static byte[] Same(byte[] reply) => reply;
    }

    [Fact]
    public async Task An_enforced_authentication_that_is_missing_ends_the_session_for_good()
    {
        var enforcing = new ZooKeeperServerOptions
        {
            SaslUsers = new Dictionary<string, string> { ["alice"] = "pw" },
            Config = new Dictionary<string, string> { ["enforce.auth.enabled"] = "true", ["enforce.auth.schemes"] = "sasl" },
        };
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync(enforcing);
        ZooKeeperOptions options = SecureZooKeeperFixture.OptionsFor(server.Port, tls: null);

        await EndsAsync(options with { SessionTimeout = TimeSpan.FromSeconds(2) }, "enforces");
        await EndsAsync(options, "enforces", client => client.ExistsAsync("/"));
        await EndsAsync(
            options with { Credentials = new CredentialOptions { Digest = [s_bob], AllowPasswordsWithoutTls = true } },
            "enforces",
            client => client.ExistsAsync("/"));
        var alice = new CredentialOptions { Sasl = new UserPassword("alice", "pw"), AllowPasswordsWithoutTls = true };
        await using var accepted = new ZooKeeperClient(options with { Credentials = alice });
        Assert.NotNull(await Eventually.CompletesAsync("the right user is served", accepted.ExistsAsync("/")));
    }

    [Fact]
    public void P12_Passwords_are_not_sent_without_TLS()
    {
        ZooKeeperOptions plain = SecureZooKeeperFixture.OptionsFor(zookeeper.Server.Port, tls: null);

        Assert.Throws<ArgumentException>(() => new ZooKeeperClient(plain with { Credentials = new CredentialOptions { Digest = [s_bob] } }));
        Assert.Throws<ArgumentException>(() => new ZooKeeperClient(plain with { Credentials = new CredentialOptions { Sasl = s_bob } }));
    }

    private static async Task IsDeniedAsync(ZooKeeperClient client, string path)
    {
        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => client.GetDataAsync(path));
        Assert.Equal(ErrorCode.NoAuth, refused.Code);
    }

    /// <summary>The session ends by an authentication that fails; status, exception and log say so, and the password is nowhere.</summary>
    private static async Task EndsAsync(ZooKeeperOptions options, string reason, Func<ZooKeeperClient, Task>? request = null)
    {
        var log = new RecordingLogger<ZooKeeperClient>();
        await using var client = new ZooKeeperClient(options, log);
        Task tried = request?.Invoke(client) ?? Task.CompletedTask;

        await Eventually.TrueAsync("the session has ended", () => client.Status.State == SessionState.Ended);

        Assert.Equal(SessionEnd.AuthenticationFailed, client.Status.End);
        Assert.Contains(reason, client.Status.Failure, StringComparison.Ordinal);
        SessionEndedException ended = await Assert.ThrowsAsync<SessionEndedException>(() => client.ExistsAsync("/"));
        Assert.Contains(reason, ended.Message, StringComparison.Ordinal);
        Assert.Contains(log.Lines, line => line.Level == LogLevel.Error && line.Text.Contains(reason, StringComparison.Ordinal));
        if (options.Credentials.Sasl is { } user)
        {
            Assert.DoesNotContain(log.Lines, line => line.Text.Contains(user.Password, StringComparison.Ordinal));
        }

        if (request is not null)
        {
            await Assert.ThrowsAnyAsync<ZooKeeperException>(() => tried);
        }
    }

    private ZooKeeperOptions WithDigest(params UserPassword[] users) =>
        zookeeper.SecureOptions() with { Credentials = new CredentialOptions { Digest = users } };

    /// <summary>Through a proxy that can tell frames apart, which it could not under TLS.</summary>
    private ZooKeeperOptions InClear(CredentialOptions credentials, ZooKeeperProxy? proxy = null) => new()
    {
        Servers = ConnectString.Parse(proxy?.ConnectString ?? zookeeper.Server.ConnectString),
        Credentials = credentials with { AllowPasswordsWithoutTls = true },
    };
}
