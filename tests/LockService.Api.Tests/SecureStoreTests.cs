using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>The service in front of a ZooKeeper that wants TLS, a certificate, and a user who may write below its chroot.</summary>
public sealed class SecureStoreTests : IAsyncLifetime
{
    private const string Password = "correct-horse";

    private readonly string _directory = Directory.CreateTempSubdirectory("lockservice-secrets-").FullName;
    private readonly CertificateAuthority _authority = new();
    private readonly UserPassword _user = new("locks", Password);
    private ZooKeeperServer _zookeeper = null!;
    private X509Certificate2 _server = null!;
    private TlsFront _front = null!;

    public async Task InitializeAsync()
    {
        _zookeeper = await ZooKeeperServer.StartNewAsync(new ZooKeeperServerOptions
        {
            SaslUsers = new Dictionary<string, string> { [_user.User] = Password },
        });
        _server = _authority.IssueServer();
        _front = new TlsFront(_zookeeper.Port, _server, SslProtocols.Tls12 | SslProtocols.Tls13, clientsFrom: _authority);
        using X509Certificate2 own = _authority.IssueClient("service");
        CertificateAuthority.WritePem(own, PathOf("own.pem"), PathOf("own.key"));
        await File.WriteAllTextAsync(PathOf("ca.pem"), _authority.Certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(PathOf("password"), Password + "\n");
        await File.WriteAllTextAsync(PathOf("wrong"), "wrong-horse\n");
        await using var admin = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(_zookeeper.ConnectString) });
        await admin.CreateAsync("/digest", acl: [new Acl(Permissions.All, "digest", _user.DigestId)]);
        await admin.CreateAsync("/sasl", acl: [new Acl(Permissions.All, "sasl", _user.User)]);
    }

    public async Task DisposeAsync()
    {
        _front.Dispose();
        await _zookeeper.DisposeAsync();
        _server.Dispose();
        _authority.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData("Digest", "/digest")]
    [InlineData("Sasl", "/sasl")]
    public async Task It_grants_locks_over_TLS_as_a_user_with_a_password_from_a_file(string scheme, string chroot)
    {
        await using ServiceProcess service = await StartAsync(
            chroot, $"--LockService:ZooKeeper{scheme}User=locks", $"--LockService:ZooKeeper{scheme}PasswordFile={PathOf("password")}");
        await service.ReadyAsync();

        (await new Caller(service.Http).PostAsync("/v1/locks/l/acquire")).Expect(200);

        Assert.True(_front.Established > 0);
        await using var nobody = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(_zookeeper.ConnectString) });
        RequestRefusedException refused =
            await Assert.ThrowsAsync<RequestRefusedException>(() => nobody.GetChildrenAsync($"{chroot}/lockservice/locks/l"));
        Assert.Equal(ErrorCode.NoAuth, refused.Code);
        Assert.DoesNotContain(Password, service.LogTail(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_not_ready_with_a_wrong_password_and_says_why()
    {
        await using ServiceProcess service = await StartAsync(
            "/sasl", "--LockService:ZooKeeperSaslUser=locks", $"--LockService:ZooKeeperSaslPasswordFile={PathOf("wrong")}");

        await Eventually.TrueAsync("it says why", () => service.LogTail().Contains("was refused (AuthFailed)", StringComparison.Ordinal));

        (await new Caller(service.Http).GetAsync("/readyz")).ExpectProblem(503, "store-unavailable");
        Assert.DoesNotContain("wrong-horse", service.LogTail(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_does_not_trust_a_ZooKeeper_with_the_name_of_another()
    {
        await using ServiceProcess service = await StartAsync("", "--LockService:ZooKeeperCertificateName=elsewhere.example");

        await Eventually.TrueAsync("it says why", () => service.LogTail().Contains("RemoteCertificateNameMismatch", StringComparison.Ordinal));

        Assert.Equal(0, _front.Established);
    }

    private string PathOf(string name) => Path.Combine(_directory, name);

    private Task<ServiceProcess> StartAsync(string chroot, params string[] settings) => ServiceProcess.StartAsync(
        ServiceFixture.Assembly,
        $"localhost:{_front.Port}{chroot}",
        [
            "--LockService:ZooKeeperTls=true", $"--LockService:ZooKeeperAuthorityFile={PathOf("ca.pem")}",
            $"--LockService:ZooKeeperCertificateFile={PathOf("own.pem")}", $"--LockService:ZooKeeperKeyFile={PathOf("own.key")}", .. settings,
        ]);
}
