namespace LockService.ZooKeeper;

/// <summary>What an access control entry permits.</summary>
[Flags]
public enum Permissions
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Read data and list children.</summary>
    Read = 1,

    /// <summary>Set data.</summary>
    Write = 2,

    /// <summary>Create children.</summary>
    Create = 4,

    /// <summary>Delete children.</summary>
    Delete = 8,

    /// <summary>Set the access control list.</summary>
    Admin = 16,

    /// <summary>All of the above.</summary>
    All = 31,
}

/// <summary>One entry of an access control list.</summary>
/// <param name="Permissions">What is permitted.</param>
/// <param name="Scheme">The authentication scheme: <c>world</c>, <c>digest</c>, <c>ip</c>, <c>sasl</c>, <c>x509</c>, <c>auth</c>.</param>
/// <param name="Id">Who, in the scheme's own terms.</param>
public sealed record Acl(Permissions Permissions, string Scheme, string Id)
{
    /// <summary>Everybody may do everything: the default of every creation.</summary>
    public static IReadOnlyList<Acl> Open { get; } = [new Acl(Permissions.All, "world", "anyone")];

    /// <summary>
    /// The caller's list as it is now, <see cref="Open"/> if he gave none: it is encoded later, by a thread that must not meet a list
    /// that changes or throws.
    /// </summary>
    internal static IReadOnlyList<Acl> Copy(IReadOnlyList<Acl>? list)
    {
        if (list is null)
        {
            return Open;
        }

        Acl[] copy = [.. list];
        foreach (Acl entry in copy)
        {
            ArgumentNullException.ThrowIfNull(entry, nameof(list));
            ArgumentNullException.ThrowIfNull(entry.Scheme, nameof(list));
            ArgumentNullException.ThrowIfNull(entry.Id, nameof(list));
        }

        return copy;
    }
}
