using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>S16: certificates and authorities are replaced on disk, and the session goes on with the new ones.</summary>
[Collection(SecureZooKeeper.Name)]
public sealed class CertificateRotationTests(SecureZooKeeperFixture zookeeper) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("lockservice-certificates-").FullName;
    private readonly CertificateAuthority _old = new();
    private readonly CertificateAuthority _new = new();

    private string AuthorityFile => Path.Combine(_directory, "authorities.pem");

    private string CertificateFile => Path.Combine(_directory, "client.pem");

    private string KeyFile => Path.Combine(_directory, "client.key");

    private TlsOptions Tls => new() { AuthorityFile = AuthorityFile, ClientCertificateFile = CertificateFile, ClientKeyFile = KeyFile };

    public void Dispose()
    {
        Directory.Delete(_directory, recursive: true);
        _old.Dispose();
        _new.Dispose();
    }

    [Fact]
    public async Task S16_A_session_goes_on_with_the_authority_and_the_certificate_that_replaced_its_own()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        int port = ConnectString.Parse(proxy.ConnectString).Servers[0].Port;
        using X509Certificate2 oldServer = _old.IssueServer();
        using X509Certificate2 newServer = _new.IssueServer();
        using var before = new TlsFront(port, oldServer, SslProtocols.Tls13, clientsFrom: _old);
        using var after = new TlsFront(port, newServer, SslProtocols.Tls13, clientsFrom: _new);
        using X509Certificate2 oldClient = _old.IssueClient("old");
        using X509Certificate2 newClient = _new.IssueClient("new");
        CertificateAuthority.WritePem(oldClient, CertificateFile, KeyFile);
        await File.WriteAllTextAsync(AuthorityFile, _old.Certificate.ExportCertificatePem());
        await using var client = new ZooKeeperClient(new ZooKeeperOptions
        {
            Servers = ConnectString.Parse($"localhost:{before.Port},localhost:{after.Port}"),
            Tls = Tls,
        });
        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
        long session = client.SessionId;
        Assert.Equal((1, 0), (before.Established, after.Established));

        CertificateAuthority.WritePem(newClient, CertificateFile, KeyFile);
        await File.WriteAllTextAsync(AuthorityFile, _new.Certificate.ExportCertificatePem());
        await proxy.CutAsync(client);

        Assert.NotNull(await Eventually.CompletesAsync("the session goes on", client.ExistsAsync("/")));
        Assert.Equal(session, client.SessionId);
        Assert.Equal((1, 1), (before.Established, after.Established));
    }

    [Fact]
    public async Task S16_Files_that_do_not_fit_each_other_yet_fail_attempts_and_not_the_session()
    {
        using ZooKeeperProxy proxy = new(zookeeper.Server.Port);
        using X509Certificate2 server = _old.IssueServer();
        using var front = new TlsFront(ConnectString.Parse(proxy.ConnectString).Servers[0].Port, server, SslProtocols.Tls13, clientsFrom: _old);
        using X509Certificate2 first = _old.IssueClient("first");
        using X509Certificate2 second = _old.IssueClient("second");
        CertificateAuthority.WritePem(first, CertificateFile, KeyFile);
        await File.WriteAllTextAsync(AuthorityFile, _old.Certificate.ExportCertificatePem());
        await using var client = new ZooKeeperClient(SecureZooKeeperFixture.OptionsFor(front.Port, Tls));
        await Eventually.CompletesAsync("the client is connected", client.WhenConnectedAsync());
        long session = client.SessionId;

        await File.WriteAllTextAsync(CertificateFile, second.ExportCertificatePem());
        await proxy.CutAsync(client);
        await Eventually.TrueAsync("the file is named", () => client.Status.Failure?.Contains(KeyFile, StringComparison.Ordinal) ?? false);
        CertificateAuthority.WritePem(second, CertificateFile, KeyFile);

        Assert.NotNull(await Eventually.CompletesAsync("the session goes on", client.ExistsAsync("/")));
        Assert.Equal(session, client.SessionId);
    }

    [Fact]
    public async Task A_file_with_certificate_key_and_intermediate_ones_is_enough()
    {
        using X509Certificate2 own = zookeeper.Authority.IssueClient("from file");
        CertificateAuthority.WritePem(own, CertificateFile, KeyFile);
        await File.AppendAllTextAsync(CertificateFile, "\n" + _old.Certificate.ExportCertificatePem() + "\n" + await File.ReadAllTextAsync(KeyFile));
        await File.WriteAllTextAsync(AuthorityFile, zookeeper.Authority.Certificate.ExportCertificatePem());
        ZooKeeperOptions options = zookeeper.SecureOptions() with { Tls = Tls with { ClientKeyFile = null } };
        await using var client = new ZooKeeperClient(options);

        IReadOnlyList<ClientIdentity> identities = await Eventually.CompletesAsync("the client is served", client.WhoAmIAsync());

        Assert.Contains(new ClientIdentity("x509", "CN=from file"), identities);
    }

    [Fact]
    public async Task A_check_names_the_file_that_cannot_be_used()
    {
        using X509Certificate2 own = _old.IssueClient("own");
        using X509Certificate2 foreign = _old.IssueClient("foreign");
        CertificateAuthority.WritePem(own, CertificateFile, KeyFile);
        Assert.Contains(AuthorityFile, Assert.Throws<IOException>(Tls.CheckFiles).Message, StringComparison.Ordinal);

        await File.WriteAllTextAsync(AuthorityFile, "no certificate");
        Assert.Contains("no certificate", Assert.Throws<IOException>(Tls.CheckFiles).Message, StringComparison.Ordinal);

        await File.WriteAllTextAsync(AuthorityFile, _old.Certificate.ExportCertificatePem());
        Tls.CheckFiles();

        await File.WriteAllTextAsync(CertificateFile, foreign.ExportCertificatePem());
        Assert.Contains(KeyFile, Assert.Throws<IOException>(Tls.CheckFiles).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_contradict_each_other_are_refused()
    {
        IsRefused(new TlsOptions { AuthorityFile = AuthorityFile, CertificateAuthorities = [_old.Certificate] });
        IsRefused(new TlsOptions { ClientCertificateFile = CertificateFile, ClientCertificate = zookeeper.Client });
        IsRefused(new TlsOptions { ClientKeyFile = KeyFile });

        static void IsRefused(TlsOptions tls) =>
            Assert.Throws<ArgumentException>(() => new ZooKeeperClient(SecureZooKeeperFixture.OptionsFor(1, tls)));
    }
}
