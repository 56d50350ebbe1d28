using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace LockService.ZooKeeper;

/// <summary>A user and a password. Never prints the password.</summary>
public sealed class UserPassword
{
    private readonly string _password;

    /// <summary>Makes a pair.</summary>
    /// <param name="user">Printable ASCII without a colon, at least one character.</param>
    /// <param name="password">Printable ASCII, at least one character: servers decode others by the settings of their machine.</param>
    /// <exception cref="ArgumentException">Other characters.</exception>
    public UserPassword(string user, string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(user);
        ArgumentException.ThrowIfNullOrEmpty(password);
        if (user.Contains(':', StringComparison.Ordinal) || !IsPrintableAscii(user))
        {
            throw new ArgumentException("A user name is printable ASCII without a colon.", nameof(user));
        }

        if (!IsPrintableAscii(password))
        {
            throw new ArgumentException("A password is printable ASCII.", nameof(password));
        }

        User = user;
        _password = password;
    }

    /// <summary>The user.</summary>
    public string User { get; }

    /// <summary>
    /// The id of this pair in an access control entry of the scheme <c>digest</c>: <c>user:base64(SHA1("user:password"))</c>. Whoever may
    /// read the list can try to guess the password from it.
    /// </summary>
    [SuppressMessage("Security", "CA5350:Do Not Use Weak Cryptographic Algorithms", Justification = "ZooKeeper's scheme demands it.")]
    public string DigestId => $"{User}:{Convert.ToBase64String(SHA1.HashData(ToBytes()))}";

    internal string Password => _password;

    /// <summary>The user only.</summary>
    public override string ToString() => User;

    /// <summary>As the scheme <c>digest</c> sends it.</summary>
    internal byte[] ToBytes() => Encoding.ASCII.GetBytes($"{User}:{_password}");

    private static bool IsPrintableAscii(string text) => text.All(c => c is >= ' ' and <= '~');
}
