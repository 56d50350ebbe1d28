using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;

namespace LockService.Recipes.Locking;

/// <summary>
/// The secret that renews and releases a lease: base64url of GUID, number and mode, then a dot and the lock's name. It determines the
/// holder's path, so that any instance can serve it. Never logged, never part of a state read.
/// </summary>
internal static class LeaseId
{
    private const int GuidBytes = 16;
    private const int Length = GuidBytes + sizeof(int) + 1;
    private const int EncodedLength = Length / 3 * 4;

    internal static string Of(string lockName, ContenderName holder)
    {
        Span<byte> bytes = stackalloc byte[Length];
        Convert.FromHexString(holder.Guid.Replace("-", "", StringComparison.Ordinal), bytes, out _, out _);
        BinaryPrimitives.WriteInt32BigEndian(bytes[GuidBytes..], holder.Sequence);
        bytes[^1] = (byte)holder.Mode;
        return $"{Base64Url.EncodeToString(bytes)}.{lockName}";
    }

    /// <summary>The lock that the text names; null if it cannot be a lease id.</summary>
    private static string? LockName(string leaseId) =>
        leaseId.Length > EncodedLength + 1 && leaseId[(EncodedLength + 1)..] is var name && ResourceName.IsValid(name) ? name : null;

    /// <summary>The name of the holder's node; null if the text is no lease id of this lock, or that of a lease on several.</summary>
    internal static string? HolderName(string lockName, string leaseId) =>
        Parse(lockName, leaseId) is { IsHolder: true, IsOfMultiLease: false } holder ? holder.Name : null;

    /// <summary>Where the lease on several locks is kept: a lock, and the holder in it; null if the text is no such lease's id.</summary>
    internal static (string LockName, ContenderName Holder)? PrimaryOf(string leaseId) =>
        CarrierOf(leaseId) is { Holder.IsOfMultiLease: true } carrier ? carrier : null;

    /// <summary>The same for a lease on one lock or several.</summary>
    internal static (string LockName, ContenderName Holder)? CarrierOf(string leaseId) =>
        LockName(leaseId) is { } lockName && Parse(lockName, leaseId) is { IsHolder: true } holder ? (lockName, holder) : null;

    private static ContenderName? Parse(string lockName, string leaseId)
    {
        Span<byte> bytes = stackalloc byte[Length];
        if (leaseId.Length != EncodedLength + 1 + lockName.Length
            || leaseId[EncodedLength] != '.'
            || !leaseId.AsSpan(EncodedLength + 1).SequenceEqual(lockName)
            || Base64Url.DecodeFromChars(leaseId.AsSpan(0, EncodedLength), bytes, out _, out int written) != OperationStatus.Done
            || written != Length
            || bytes[^1] > (byte)LockMode.Shared
            || BinaryPrimitives.ReadInt32BigEndian(bytes[GuidBytes..]) is var sequence && sequence < 0)
        {
            return null;
        }

        string hex = Convert.ToHexStringLower(bytes[..GuidBytes]);
        string guid = $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..]}";
        return ContenderName.Parse(ContenderName.WithSequence(ContenderName.PrefixOf(guid, (LockMode)bytes[^1]), sequence));
    }
}
