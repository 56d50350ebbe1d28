namespace LockService.ZooKeeper;

/// <summary>
/// What a connection proves or claims to be, besides its TLS certificate. It is repeated on every connection, before watches and requests;
/// if it is refused the session ends with <see cref="SessionEnd.AuthenticationFailed"/>, since going on as nobody could hide that.
/// </summary>
public sealed record CredentialOptions
{
    /// <summary>
    /// The users whose rights the session has by the scheme <c>digest</c>; they add up. Default: none. ZooKeeper does not verify them: a
    /// wrong password makes another identity, without the rights of the right one.
    /// </summary>
    public IReadOnlyList<UserPassword> Digest { get; init; } = [];

    /// <summary>
    /// The user to authenticate as by SASL, mechanism DIGEST-MD5. Default: none. Servers verify it, and this client verifies that the
    /// server knows the password too.
    /// </summary>
    public UserPassword? Sasl { get; init; }

    /// <summary>
    /// Whether passwords are used on connections without TLS, where whoever can listen reads those of <see cref="Digest"/> and can try to
    /// guess that of <see cref="Sasl"/>. Default: no; the client then refuses to start.
    /// </summary>
    public bool AllowPasswordsWithoutTls { get; init; }

    /// <summary>
    /// A list that permits everything to these users and nothing to anybody else, for <see cref="ZooKeeperOptions.NewNodeAcl"/>;
    /// <see cref="Acl.Open"/> if there are none.
    /// </summary>
    public IReadOnlyList<Acl> OwnNodes
    {
        get
        {
            IEnumerable<Acl> digest = Digest.Select(user => new Acl(Permissions.All, "digest", user.DigestId));
            Acl[] own = Sasl is null ? [.. digest] : [.. digest, new Acl(Permissions.All, "sasl", Sasl.User)];
            return own.Length == 0 ? Acl.Open : own;
        }
    }

    internal void ThrowIfInvalid(bool encrypted)
    {
        if ((Sasl is not null || Digest.Count > 0) && !encrypted && !AllowPasswordsWithoutTls)
        {
            throw new ArgumentException(
                $"Passwords are not sent without TLS: set {nameof(ZooKeeperOptions)}.{nameof(ZooKeeperOptions.Tls)}, "
                + $"or {nameof(AllowPasswordsWithoutTls)} if others cannot listen.");
        }
    }
}
