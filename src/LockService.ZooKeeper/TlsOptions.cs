using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace LockService.ZooKeeper;

/// <summary>
/// How connections are encrypted. A server's certificate chain and its name are always verified: there is no switch that accepts
/// everything, and a server that does not speak TLS is never spoken to in clear.
/// </summary>
public sealed record TlsOptions
{
    /// <summary>
    /// The certificate authorities, with intermediate ones if servers do not send them, one of which must have signed a server's
    /// certificate; then no others are trusted. Default: those the operating system trusts.
    /// </summary>
    public IReadOnlyList<X509Certificate2>? CertificateAuthorities { get; init; }

    /// <summary>
    /// Instead of <see cref="CertificateAuthorities"/>: a file with their certificates in PEM. Default: none. It is read anew for each
    /// connection, so that it can be replaced while the client is in use.
    /// </summary>
    public string? AuthorityFile { get; init; }

    /// <summary>
    /// The certificate, with its private key, by which servers know this client (scheme <c>x509</c> in access control lists). Default:
    /// none, which servers refuse unless they are set to <c>ssl.clientAuth=none</c> or <c>want</c>. The caller disposes of it, after the
    /// client.
    /// </summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>
    /// Instead of <see cref="ClientCertificate"/>: a file with it in PEM, followed by intermediate certificates if there are any. Default:
    /// none. It is read anew for each connection: one that replaces it is in use from the next connection on, and the session
    /// goes on. While it and <see cref="ClientKeyFile"/> do not fit each other, or cannot be read, attempts to connect fail.
    /// </summary>
    public string? ClientCertificateFile { get; init; }

    /// <summary>The file with the unencrypted private key in PEM. Default: <see cref="ClientCertificateFile"/>, which then has both.</summary>
    public string? ClientKeyFile { get; init; }

    /// <summary>
    /// The name that the certificates of all servers must be issued to. Default: for each server the name or address that the connect
    /// string has for it.
    /// </summary>
    public string? ServerName { get; init; }

    /// <summary>
    /// The versions of TLS to offer. Default: 1.2 and 1.3, and nothing older is possible. ZooKeeper itself speaks 1.3 from 3.9.2 on.
    /// </summary>
    public SslProtocols Protocols { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>
    /// Whether revocation lists are consulted. Default: no. Fetching a list that does not come delays the connection by seconds, during
    /// which the session is running out.
    /// </summary>
    public X509RevocationMode Revocation { get; init; } = X509RevocationMode.NoCheck;

    /// <summary>
    /// Reads the files once, to tell mistakes at start; the client itself goes on trying, since files can be replaced at any time.
    /// </summary>
    /// <exception cref="IOException">A file cannot be used; the message says which and why.</exception>
    public void CheckFiles()
    {
        using var material = new TlsMaterial(this);
    }

    internal void ThrowIfInvalid()
    {
        if (AuthorityFile is not null && CertificateAuthorities is not null)
        {
            throw new ArgumentException($"Set {nameof(CertificateAuthorities)} or {nameof(AuthorityFile)}, not both.", nameof(AuthorityFile));
        }

        if (ClientCertificateFile is not null && ClientCertificate is not null)
        {
            throw new ArgumentException($"Set {nameof(ClientCertificate)} or {nameof(ClientCertificateFile)}, not both.", nameof(ClientCertificateFile));
        }

        if (ClientKeyFile is not null && ClientCertificateFile is null)
        {
            throw new ArgumentException($"A key without {nameof(ClientCertificateFile)} is of no use.", nameof(ClientKeyFile));
        }

        if (Protocols == SslProtocols.None || (Protocols & ~(SslProtocols.Tls12 | SslProtocols.Tls13)) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(Protocols), Protocols, "Only TLS 1.2 and TLS 1.3 are possible, and one of them must be.");
        }

        if (CertificateAuthorities is { Count: 0 })
        {
            throw new ArgumentException("Without a certificate authority no server could be trusted.", nameof(CertificateAuthorities));
        }

        if (ClientCertificate is { HasPrivateKey: false })
        {
            throw new ArgumentException("The client certificate has no private key.", nameof(ClientCertificate));
        }

        if (ServerName is not null && Uri.CheckHostName(ServerName) == UriHostNameType.Unknown)
        {
            throw new ArgumentException($"'{ServerName}' is not a host name.", nameof(ServerName));
        }
    }
}
