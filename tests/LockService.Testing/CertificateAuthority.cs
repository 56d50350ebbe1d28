using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace LockService.Testing;

/// <summary>A certificate authority of one test run, trusted by nobody who is not told to.</summary>
public sealed class CertificateAuthority : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _own;

    /// <summary>Makes one with a key of its own.</summary>
    public CertificateAuthority()
    {
        var request = new CertificateRequest($"CN=Authority {Guid.NewGuid():N}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        _own = request.CreateSelfSigned(_now.AddDays(-2), _now.AddDays(2));
        Certificate = X509CertificateLoader.LoadCertificate(_own.RawData);
    }

    /// <summary>What those who trust it need: without the key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>A certificate for a server on this machine.</summary>
    public X509Certificate2 IssueServer() => Issue("server", "localhost", expired: false);

    /// <summary>The same with another name.</summary>
    public X509Certificate2 IssueServerElsewhere() => Issue("server", "elsewhere.example", expired: false);

    /// <summary>The same, expired an hour ago.</summary>
    public X509Certificate2 IssueExpiredServer() => Issue("server", "localhost", expired: true);

    /// <summary>A certificate for a client; its subject is <c>CN=name</c>.</summary>
    public X509Certificate2 IssueClient(string name) => Issue(name, null, expired: false);

    /// <summary>Writes a certificate and its private key into files, over what they held.</summary>
    public static void WritePem(X509Certificate2 certificate, string certificateFile, string keyFile)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _own.Dispose();
        Certificate.Dispose();
        _key.Dispose();
    }

    private X509Certificate2 Issue(string subject, string? host, bool expired)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={subject}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        string purpose = host is null ? ClientAuthentication : ServerAuthentication;
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        if (host is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(host);
            if (host == "localhost")
            {
                names.AddIpAddress(IPAddress.Loopback);
            }

            request.CertificateExtensions.Add(names.Build());
        }

        byte[] serial = [1, .. RandomNumberGenerator.GetBytes(15)];
        using X509Certificate2 issued = request.Create(_own, _now.AddDays(-1), expired ? _now.AddHours(-1) : _now.AddDays(1), serial);
        return issued.CopyWithPrivateKey(key);
    }
}
