using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace LockService.Testing;

/// <summary>Puts TLS, with any certificate, in front of a server that speaks in clear.</summary>
public sealed class TlsFront : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _targetPort;
    private readonly SslServerAuthenticationOptions _options;
    private int _attempts;
    private int _established;

    /// <summary>Starts to listen.</summary>
    /// <param name="targetPort">The port of the server behind it.</param>
    /// <param name="certificate">What it presents.</param>
    /// <param name="protocols">What it speaks.</param>
    /// <param name="clientsFrom">Who must have signed the certificates of clients; null to ask for none.</param>
    public TlsFront(int targetPort, X509Certificate2 certificate, SslProtocols protocols, CertificateAuthority? clientsFrom = null)
    {
        _targetPort = targetPort;
        _options = new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate,
            EnabledSslProtocols = protocols,
            ClientCertificateRequired = clientsFrom is not null,
        };
        if (clientsFrom is not null)
        {
            _options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            _options.CertificateChainPolicy.CustomTrustStore.Add(clientsFrom.Certificate);
        }

        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>The port.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Number of connections made.</summary>
    public int Attempts => Volatile.Read(ref _attempts);

    /// <summary>Number of those on which data passed the handshake.</summary>
    public int Established => Volatile.Read(ref _established);

    /// <summary>Stops listening; connections end with their clients.</summary>
    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref _attempts);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using TcpClient accepted = client;
        using var server = new TcpClient();
        try
        {
            await using var secure = new SslStream(accepted.GetStream());
            await secure.AuthenticateAsServerAsync(_options);
            byte[] first = new byte[4096];
            int received = await secure.ReadAsync(first);
            if (received > 0)
            {
                Interlocked.Increment(ref _established);
                await server.ConnectAsync(IPAddress.Loopback, _targetPort);
                await server.GetStream().WriteAsync(first.AsMemory(0, received));
                await Task.WhenAny(secure.CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(secure));
            }
        }
        catch (Exception e) when (e is IOException or AuthenticationException or SocketException or ObjectDisposedException)
        {
            // The client did not like us, or we did not like it.
        }
    }
}
