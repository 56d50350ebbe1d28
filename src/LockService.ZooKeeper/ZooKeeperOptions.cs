namespace LockService.ZooKeeper;

/// <summary>Settings of a <see cref="ZooKeeperClient"/>.</summary>
public sealed record ZooKeeperOptions
{
    /// <summary>
    /// The servers, <c>host:port,host:port/chroot</c>. The port defaults to 2181; IPv6 addresses are written <c>[::1]:2181</c>.
    /// No default. The chroot node is not created.
    /// </summary>
    public required ConnectString Servers { get; init; }

    /// <summary>
    /// The session timeout to ask for; the server clamps it, by default to 2 to 20 of its ticks. Default 10 s, range 1 s to 10 min.
    /// Short: a garbage collection or an election ends sessions. Long: the ephemeral nodes of a crashed process stay that long.
    /// </summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a request that was sent may stay unanswered before the connection is dropped and its outcome becomes unknown, even if
    /// pings are still answered. Default 10 s, range 100 ms to 10 min.
    /// </summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Requests sent and not yet answered; further ones wait here. Default 1,000, range 1 to 100,000. ZooKeeper stops reading sockets
    /// at its <c>globalOutstandingLimit</c> (1,000 by default), which would delay pings too.
    /// </summary>
    public int MaxInFlight { get; init; } = 1_000;

    /// <summary>
    /// Requests waiting here to be sent; one more is refused as not sent. Default 100,000, range 1 to 10,000,000. Bounds the memory
    /// used while no server can be reached.
    /// </summary>
    public int MaxQueued { get; init; } = 100_000;

    /// <summary>
    /// Size of the largest request in bytes; a larger one is refused locally. Default 1,048,575, the servers' own default of
    /// <c>jute.maxbuffer</c>; range 1 KiB to 64 MiB. Larger than the servers' limit: they close the connection without a word.
    /// </summary>
    public int MaxRequestBytes { get; init; } = 1_048_575;

    /// <summary>
    /// Size of the largest reply in bytes; a larger one breaks the connection. Default 64 MiB, range 1 KiB to 1 GiB. Servers do not
    /// limit what they send: a long child list may exceed their own request limit.
    /// </summary>
    public int MaxReplyBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>How connections are encrypted. Default: not at all. With it, nothing is ever sent in clear.</summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>Who this client is, besides its TLS certificate. Default: nobody.</summary>
    public CredentialOptions Credentials { get; init; } = new();

    /// <summary>
    /// The access control list of nodes that are created without one of their own. Default: <see cref="Acl.Open"/>. Lists are not
    /// inherited: one on a node says nothing about those below it.
    /// </summary>
    public IReadOnlyList<Acl> NewNodeAcl { get; init; } = Acl.Open;

    /// <summary>Source of all time. Default: the system's.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    internal void ThrowIfInvalid()
    {
        ThrowIfOutside(SessionTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10), nameof(SessionTimeout));
        ThrowIfOutside(RequestTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10), nameof(RequestTimeout));
        ThrowIfOutside(MaxInFlight, 1, 100_000, nameof(MaxInFlight));
        ThrowIfOutside(MaxQueued, 1, 10_000_000, nameof(MaxQueued));
        ThrowIfOutside(MaxRequestBytes, 1024, 64 * 1024 * 1024, nameof(MaxRequestBytes));
        ThrowIfOutside(MaxReplyBytes, 1024, 1024 * 1024 * 1024, nameof(MaxReplyBytes));
        Tls?.ThrowIfInvalid();
        Credentials.ThrowIfInvalid(Tls is not null);
    }

    private static void ThrowIfOutside<T>(T value, T least, T most, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be between {least} and {most}.");
        }
    }
}
