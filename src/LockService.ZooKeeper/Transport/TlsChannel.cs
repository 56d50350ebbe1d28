using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace LockService.ZooKeeper.Transport;

/// <summary>
/// Encrypts a connection. .NET verifies chain and name by itself as long as no callback replaces that, and none does. Reads and writes
/// stay blocking: <see cref="SslStream"/> lets one thread read while another writes.
/// </summary>
internal static class TlsChannel
{
    /// <summary>Shakes hands.</summary>
    /// <param name="inner">The connected socket; its deadline bounds the handshake, and breaking it aborts the handshake.</param>
    /// <param name="options">Whom to trust.</param>
    /// <param name="host">The server's name in the connect string.</param>
    /// <exception cref="TlsRefusedException">The server is not who it should be, does not want us, or does not speak TLS.</exception>
    internal static SslStream Open(Stream inner, TlsOptions options, string host)
    {
        string name = options.ServerName ?? host;
        var stream = new SslStream(inner, leaveInnerStreamOpen: true);
        try
        {
            using var material = new TlsMaterial(options);
            stream.AuthenticateAsClient(new SslClientAuthenticationOptions
            {
                TargetHost = name,
                EnabledSslProtocols = options.Protocols,
                CertificateChainPolicy = Policy(options, material),
                ClientCertificateContext =
                    material.Own is { } own ? SslStreamCertificateContext.Create(own, material.Intermediates, offline: true) : null,
                // A resumed handshake would skip the certificates.
                AllowTlsResume = false,
            });
            return stream;
        }
        catch (Exception e)
        {
            stream.Dispose();
            if (e is SocketException)
            {
                throw;
            }

            // Also what is the fault of our own settings, such as a certificate that was disposed of or a file that is gone: it may end no
            // more than this attempt.
            throw new TlsRefusedException(name, e);
        }
    }

    private static X509ChainPolicy Policy(TlsOptions options, TlsMaterial material)
    {
        var policy = new X509ChainPolicy
        {
            RevocationMode = options.Revocation,
            // A missing intermediate certificate is a mistake to correct, not a reason to wait for somebody's web server.
            DisableCertificateDownloads = options.Revocation == X509RevocationMode.NoCheck,
        };
        if (material.Authorities is { } authorities)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }

        return policy;
    }
}

/// <summary>TLS did not come about, or broke. The reason in its message is the chain of reasons that lower layers gave.</summary>
internal sealed class TlsRefusedException(string name, Exception cause) : IOException($"TLS with '{name}' failed: {Reasons(cause)}", cause)
{
    /// <summary>The outer exceptions say no more than "see inner exception".</summary>
    private static string Reasons(Exception? e)
    {
        var reasons = new List<string>();
        for (; e is not null; e = e.InnerException)
        {
            reasons.Add(e.Message);
        }

        return string.Join(" ", reasons);
    }
}
