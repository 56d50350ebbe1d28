using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace LockService.Testing;

/// <summary>The files and settings by which a <see cref="ZooKeeperServer"/> has a TLS port and SASL users.</summary>
internal static class ServerSecurity
{
    internal static async Task<Dictionary<string, string>> WriteTlsAsync(string directory, int securePort, CertificateAuthority authority)
    {
        string keyStore = Path.Combine(directory, "server.pem");
        string trustStore = Path.Combine(directory, "trusted.pem");
        using X509Certificate2 certificate = authority.IssueServer();
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        await File.WriteAllTextAsync(keyStore, $"{key.ExportPkcs8PrivateKeyPem()}\n{certificate.ExportCertificatePem()}\n");
        await File.WriteAllTextAsync(trustStore, authority.Certificate.ExportCertificatePem() + "\n");
        return new Dictionary<string, string>
        {
            ["secureClientPort"] = $"{securePort}",
            ["secureClientPortAddress"] = "127.0.0.1",
            ["serverCnxnFactory"] = "org.apache.zookeeper.server.NettyServerCnxnFactory",
            ["ssl.keyStore.location"] = keyStore,
            ["ssl.keyStore.type"] = "PEM",
            ["ssl.trustStore.location"] = trustStore,
            ["ssl.trustStore.type"] = "PEM",
        };
    }

    /// <returns>The file for Java's property <c>java.security.auth.login.config</c>.</returns>
    internal static async Task<string> WriteSaslAsync(string directory, IReadOnlyDictionary<string, string> users)
    {
        string file = Path.Combine(directory, "jaas.conf");
        IEnumerable<string> entries = users.Select(user => $"  user_{user.Key}=\"{user.Value}\"");
        await File.WriteAllTextAsync(
            file, $"Server {{\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n{string.Join('\n', entries)};\n}};\n");
        return file;
    }
}
