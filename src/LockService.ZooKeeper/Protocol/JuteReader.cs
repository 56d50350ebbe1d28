using System.Buffers.Binary;
using System.Text;

namespace LockService.ZooKeeper.Protocol;

/// <summary>
/// Reads jute's binary encoding from one frame. Every length is checked against what is left before anything is allocated. Unknown
/// trailing bytes are left alone: records grow at their end only.
/// </summary>
internal ref struct JuteReader(ReadOnlySpan<byte> frame)
{
    private ReadOnlySpan<byte> _rest = frame;

    internal readonly int Remaining => _rest.Length;

    internal bool ReadBool() => Take(1)[0] != 0;

    internal int ReadInt() => BinaryPrimitives.ReadInt32BigEndian(Take(sizeof(int)));

    internal long ReadLong() => BinaryPrimitives.ReadInt64BigEndian(Take(sizeof(long)));

    /// <summary>A buffer; null (-1) reads as empty.</summary>
    internal byte[] ReadBuffer()
    {
        int length = ReadInt();
        return length <= 0 ? CheckNull(length) : Take(length).ToArray();
    }

    /// <summary>A string; null (-1) reads as empty. Decoded leniently, since servers write surrogates one by one.</summary>
    internal string ReadString()
    {
        int length = ReadInt();
        if (length <= 0)
        {
            CheckNull(length);
            return "";
        }

        return Encoding.UTF8.GetString(Take(length));
    }

    internal string[] ReadStrings()
    {
        // Each string takes at least the four bytes of its length.
        string[] strings = new string[ReadCount(sizeof(int))];
        for (int i = 0; i < strings.Length; i++)
        {
            strings[i] = ReadString();
        }

        return strings;
    }

    // vector<ACL>: each int perms, ustring scheme, ustring id
    internal Acl[] ReadAcl()
    {
        var acl = new Acl[ReadCount(3 * sizeof(int))];
        for (int i = 0; i < acl.Length; i++)
        {
            acl[i] = new Acl((Permissions)ReadInt(), ReadString(), ReadString());
        }

        return acl;
    }

    /// <summary>The length of a vector; null (-1) reads as empty.</summary>
    /// <param name="smallestItem">The bytes that each item takes at least.</param>
    internal int ReadCount(int smallestItem)
    {
        int count = ReadInt();
        if (count <= 0)
        {
            CheckNull(count);
            return 0;
        }

        return count <= _rest.Length / smallestItem
            ? count
            : throw new ProtocolException($"a vector of {count} items in {_rest.Length} bytes");
    }

    internal Stat ReadStat()
    {
        // Most replies end with one: a single check instead of eleven.
        ReadOnlySpan<byte> stat = Take(6 * sizeof(long) + 5 * sizeof(int));
        return new Stat(
            BinaryPrimitives.ReadInt64BigEndian(stat),
            BinaryPrimitives.ReadInt64BigEndian(stat[8..]),
            BinaryPrimitives.ReadInt64BigEndian(stat[16..]),
            BinaryPrimitives.ReadInt64BigEndian(stat[24..]),
            BinaryPrimitives.ReadInt32BigEndian(stat[32..]),
            BinaryPrimitives.ReadInt32BigEndian(stat[36..]),
            BinaryPrimitives.ReadInt32BigEndian(stat[40..]),
            BinaryPrimitives.ReadInt64BigEndian(stat[44..]),
            BinaryPrimitives.ReadInt32BigEndian(stat[52..]),
            BinaryPrimitives.ReadInt32BigEndian(stat[56..]),
            BinaryPrimitives.ReadInt64BigEndian(stat[60..]));
    }

    private static byte[] CheckNull(int length) =>
        length >= -1 ? [] : throw new ProtocolException($"a negative length ({length})");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
        {
            throw new ProtocolException($"a field of {count} bytes where {_rest.Length} are left");
        }

        ReadOnlySpan<byte> taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
