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
        int count = ReadInt();
        if (count <= 0)
        {
            CheckNull(count);
            return [];
        }

        // Each string takes at least the four bytes of its length.
        if (count > _rest.Length / sizeof(int))
        {
            throw new ProtocolException($"a vector of {count} strings in {_rest.Length} bytes");
        }

        string[] strings = new string[count];
        for (int i = 0; i < count; i++)
        {
            strings[i] = ReadString();
        }

        return strings;
    }

    internal Stat ReadStat() => new(
        ReadLong(), ReadLong(), ReadLong(), ReadLong(), ReadInt(), ReadInt(), ReadInt(), ReadLong(), ReadInt(), ReadInt(), ReadLong());

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
