using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace LockService.ZooKeeper;

/// <summary>
/// The certificates for one connection. Files are read anew for each, so that a certificate that was replaced is in use from the next connection on; files
/// that are being replaced just then, and do not fit each other, fail that attempt only. Disposing releases what was read from files.
/// </summary>
internal sealed class TlsMaterial : IDisposable
{
    private readonly List<X509Certificate2> _read = [];

    /// <exception cref="IOException">A file cannot be used; the message names it.</exception>
    internal TlsMaterial(TlsOptions options)
    {
        try
        {
            Authorities = options.AuthorityFile is { } file ? ReadAll(file) : options.CertificateAuthorities is { } given ? [.. given] : null;
            if (options.ClientCertificateFile is not { } certificates)
            {
                Own = options.ClientCertificate;
                return;
            }

            // The first one is ours, the others lead from it to an authority.
            Intermediates = [.. ReadAll(certificates).Skip(1)];
            Own = Reading(options.ClientKeyFile ?? certificates, key => X509Certificate2.CreateFromPemFile(certificates, key));
            _read.Add(Own);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Whom to trust; null for whom the operating system trusts.</summary>
    internal X509Certificate2[]? Authorities { get; }

    /// <summary>The client's certificate with its key, if it has one.</summary>
    internal X509Certificate2? Own { get; }

    /// <summary>What to send with the client's certificate.</summary>
    internal X509Certificate2Collection Intermediates { get; } = [];

    public void Dispose() => _read.ForEach(certificate => certificate.Dispose());

    private X509Certificate2[] ReadAll(string file)
    {
        var found = new X509Certificate2Collection();
        Reading(file, path =>
        {
            found.ImportFromPemFile(path);
            return found.Count > 0 ? found : throw new CryptographicException("there is no certificate in it.");
        });
        _read.AddRange(found);
        return [.. found];
    }

    private static T Reading<T>(string file, Func<string, T> read)
    {
        try
        {
            return read(file);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or UnauthorizedAccessException or IOException)
        {
            throw new IOException($"'{file}' cannot be used: {e.Message}", e);
        }
    }
}
