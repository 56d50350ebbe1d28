using System.Globalization;

namespace LockService.ZooKeeper;

/// <summary>One server of an ensemble, as named by the user; the name is resolved anew at every connection attempt.</summary>
/// <param name="Host">A host name or an address.</param>
/// <param name="Port">The client port, 1 to 65535.</param>
public sealed record ServerName(string Host, int Port)
{
    /// <inheritdoc/>
    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

/// <summary>A parsed connect string: <c>host:port,host:port/chroot</c>.</summary>
public sealed class ConnectString
{
    private const int DefaultPort = 2181;

    /// <summary>The limit of the domain name system; resolvers throw on more.</summary>
    private const int LongestHost = 253;

    private ConnectString(IReadOnlyList<ServerName> servers, string chroot)
    {
        Servers = servers;
        Chroot = chroot;
    }

    /// <summary>The servers, in the order given; at least one.</summary>
    public IReadOnlyList<ServerName> Servers { get; }

    /// <summary>The prefix of every path sent, without a trailing "/"; empty if there is none.</summary>
    public string Chroot { get; }

    /// <summary>Parses a connect string.</summary>
    /// <exception cref="FormatException">The text is not a connect string; the message says where.</exception>
    public static ConnectString Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        string hosts = slash < 0 ? text : text[..slash];
        string chroot = slash < 0 ? "" : text[slash..];
        if (chroot == "/")
        {
            chroot = "";
        }

        if (chroot.Length > 0 && !NodePath.IsValid(chroot))
        {
            throw new FormatException($"The chroot '{chroot}' of the connect string is not a node path.");
        }

        ServerName[] servers = [.. hosts.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(ParseServer)];
        return servers.Length > 0
            ? new ConnectString(servers, chroot)
            : throw new FormatException("The connect string names no server.");
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join(',', Servers) + Chroot;

    private static ServerName ParseServer(string text)
    {
        int colon = text.LastIndexOf(':');
        bool bracketed = text.StartsWith('[');
        int bracket = text.IndexOf(']', StringComparison.Ordinal);
        if (bracketed ? bracket < 0 || (bracket < text.Length - 1 && colon != bracket + 1) : text.Count(c => c == ':') > 1)
        {
            throw new FormatException($"'{text}' is not a server: write host:port, or [address]:port for IPv6.");
        }

        bool hasPort = colon > bracket;
        string host = (hasPort ? text[..colon] : text).Trim('[', ']');
        int port = DefaultPort;
        if (hasPort && !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port))
        {
            throw new FormatException($"'{text}' has no valid port.");
        }

        return host.Length is > 0 and <= LongestHost && port is > 0 and <= 65535
            ? new ServerName(host, port)
            : throw new FormatException($"'{text}' is not a server: write host:port.");
    }
}
