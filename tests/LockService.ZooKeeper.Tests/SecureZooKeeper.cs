using System.Security.Cryptography.X509Certificates;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>The tests that share one server with a TLS port and SASL users, which none of them stops.</summary>
[CollectionDefinition(Name)]
public sealed class SecureZooKeeper : ICollectionFixture<SecureZooKeeperFixture>
{
    public const string Name = "one ZooKeeper with TLS and SASL";
}

/// <summary>That server, with the authority that its certificate and those of its clients come from.</summary>
public sealed class SecureZooKeeperFixture : IAsyncLifetime
{
    private int _roots;

    public static UserPassword Alice { get; } = new("alice", "wonder\\land");

    public CertificateAuthority Authority { get; } = new();

    public ZooKeeperServer Server { get; private set; } = null!;

    public X509Certificate2 Client { get; private set; } = null!;

    /// <summary>What a client needs for the server's TLS port.</summary>
    public TlsOptions Tls => new() { CertificateAuthorities = [Authority.Certificate], ClientCertificate = Client };

    public async Task InitializeAsync()
    {
        Client = Authority.IssueClient("tester");
        // In the file that configures Java's side, a backslash quotes the next character.
        var users = new Dictionary<string, string> { [Alice.User] = "wonder\\\\land" };
        Server = await ZooKeeperServer.StartNewAsync(new ZooKeeperServerOptions { Authority = Authority, SaslUsers = users });
    }

    public async Task DisposeAsync()
    {
        await Server.DisposeAsync();
        Client.Dispose();
        Authority.Dispose();
    }

    /// <summary>Options for a port of this machine, by the name that the server's certificate has.</summary>
    public static ZooKeeperOptions OptionsFor(int port, TlsOptions? tls) => new() { Servers = ConnectString.Parse($"localhost:{port}"), Tls = tls };

    public ZooKeeperOptions SecureOptions() => OptionsFor(Server.SecurePort, Tls);

    /// <summary>A path that no other test uses.</summary>
    public string NewPath() => $"/secure-{Interlocked.Increment(ref _roots)}";
}
