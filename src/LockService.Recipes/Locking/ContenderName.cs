using System.Globalization;
using System.Security.Cryptography;

namespace LockService.Recipes.Locking;

/// <summary>
/// The name of a node in a lock's directory: <c>_c_&lt;guid&gt;-__WRIT__&lt;N&gt;</c> or <c>_c_&lt;guid&gt;-__READ__&lt;N&gt;</c>, as Curator's read/write
/// lock writes it. Any name that ends in ten digits is a contender, whoever made it.
/// </summary>
/// <param name="Name">The whole name.</param>
/// <param name="Mode">Shared for <c>__READ__</c> and kazoo's <c>__rlock__</c>; exclusive for all others.</param>
/// <param name="Sequence">The place in the queue.</param>
/// <param name="IsHolder">Whether the name is that of a holder of ours.</param>
internal sealed record ContenderName(string Name, LockMode Mode, int Sequence, bool IsHolder)
{
    private const string Protection = "_c_";
    private const string ExclusiveTag = "-__WRIT__";
    private const string SharedTag = "-__READ__";
    private const string KazooSharedTag = "__rlock__";
    private const int GuidLength = 36;
    private const int SequenceLength = 10;

    /// <summary>Where a GUID has its version: our holders have one there that no generator of others gives.</summary>
    private const int VersionIndex = 14;
    private const char HolderVersion = '8';
    private const char MultiHolderVersion = '9';
    private const char ClosureVersion = 'c';
    private const char WaiterVersion = '4';

    /// <summary>The part of the name before the number, new with every call, so that no path is ever used twice.</summary>
    internal static string NewPrefix(LockMode mode, bool holder) =>
        PrefixOf(NewGuid(holder ? HolderVersion : WaiterVersion), mode);

    /// <summary>The same for one of several holders that share a lease.</summary>
    internal static string NewMultiHolderPrefix(LockMode mode) => PrefixOf(NewGuid(MultiHolderVersion), mode);

    /// <summary>A contender that takes this one's place and is nobody's: it keeps everybody out who is not in already.</summary>
    internal ContenderName NewClosure()
    {
        string name = WithSequence(PrefixOf(NewGuid(ClosureVersion), LockMode.Exclusive), Sequence);
        return new ContenderName(name, LockMode.Exclusive, Sequence, IsHolder: false);
    }

    internal static string PrefixOf(string guid, LockMode mode) => Protection + guid + (mode == LockMode.Shared ? SharedTag : ExclusiveTag);

    /// <summary>The name with a number that is known already.</summary>
    internal static string WithSequence(string prefix, int sequence) => prefix + sequence.ToString("D10", CultureInfo.InvariantCulture);

    /// <summary>The part before the number.</summary>
    internal string Prefix => Name[..^SequenceLength];

    /// <summary>Whether it is a holder that shares its lease with others, of other locks.</summary>
    internal bool IsOfMultiLease => IsHolder && Name[Protection.Length + VersionIndex] == MultiHolderVersion;

    /// <summary>Whether it keeps the lock closed after a lease that its holder did not end.</summary>
    internal bool IsClosure => IsOurs(Name) && Name[Protection.Length + VersionIndex] == ClosureVersion;

    /// <summary>Whether its node is persistent, and ends when it has been unchanged for the time in it.</summary>
    internal bool IsTimed => IsHolder || IsClosure;

    /// <summary>The GUID of a name of ours.</summary>
    internal string Guid => Name.Substring(Protection.Length, GuidLength);

    /// <summary>Parses a child's name; null if it is no contender.</summary>
    internal static ContenderName? Parse(string name)
    {
        if (name.Length < SequenceLength
            || !long.TryParse(name.AsSpan(name.Length - SequenceLength), NumberStyles.None, CultureInfo.InvariantCulture, out long digits))
        {
            return null;
        }

        // After 2147483647 the server goes on with -2147483648: more than 31 bits can only be such a number without its sign.
        int sequence = digits <= int.MaxValue ? (int)digits : unchecked((int)-digits);
        LockMode mode = name.Contains(SharedTag, StringComparison.Ordinal) || name.Contains(KazooSharedTag, StringComparison.Ordinal)
            ? LockMode.Shared
            : LockMode.Exclusive;
        return new ContenderName(name, mode, sequence, IsOurs(name) && name[Protection.Length + VersionIndex] is HolderVersion or MultiHolderVersion);
    }

    /// <summary>
    /// Whether this contender must wait while the other is there: one with a lower number, or, for who only waits, any holder or closure. Whoever was
    /// overtaken, since a server did not list him, must not get the lock beside who has it.
    /// </summary>
    internal bool IsBlockedBy(ContenderName other) =>
        (other.Sequence < Sequence || (other.IsTimed && !IsTimed)) && (Mode == LockMode.Exclusive || other.Mode == LockMode.Exclusive);

    private static bool IsOurs(string name) =>
        name.Length == Protection.Length + GuidLength + ExclusiveTag.Length + SequenceLength && name.StartsWith(Protection, StringComparison.Ordinal);

    /// <summary>124 random bits: a holder's GUID is the secret in its lease id.</summary>
    private static string NewGuid(char version)
    {
        string hex = RandomNumberGenerator.GetHexString(32, lowercase: true);
        return $"{hex[..8]}-{hex[8..12]}-{version}{hex[13..16]}-{hex[16..20]}-{hex[20..]}";
    }
}
