using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace LockService.ZooKeeper.Protocol;

/// <summary>Writes jute's binary encoding (big endian, length-prefixed) into one growing, pooled buffer.</summary>
internal sealed class JuteWriter : IDisposable
{
    private const int LargestKept = 256 * 1024;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);

    /// <summary>Bytes written since the last <see cref="Clear"/>.</summary>
    internal int Length { get; private set; }

    internal ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        Length = 0;
    }

    /// <summary>Starts again; an unusually large buffer is given back.</summary>
    internal void Clear()
    {
        Length = 0;
        if (_buffer.Length > LargestKept)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        }
    }

    /// <summary>Leaves room for a frame's length; returns where it is for <see cref="EndFrame"/>.</summary>
    internal int BeginFrame()
    {
        int start = Length;
        WriteInt(0);
        return start;
    }

    /// <summary>Fills in the frame's length and returns it (without the four bytes of the length itself).</summary>
    internal int EndFrame(int start)
    {
        int length = Length - start - sizeof(int);
        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(start), length);
        return length;
    }

    /// <summary>Takes back everything written since <paramref name="length"/>.</summary>
    internal void Rewind(int length) => Length = length;

    internal void WriteBool(bool value) => Take(1)[0] = value ? (byte)1 : (byte)0;

    internal void WriteInt(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), value);

    internal void WriteLong(long value) => BinaryPrimitives.WriteInt64BigEndian(Take(sizeof(long)), value);

    internal void WriteBuffer(ReadOnlySpan<byte> value)
    {
        WriteInt(value.Length);
        value.CopyTo(Take(value.Length));
    }

    internal void WriteString(string value)
    {
        // Room for the worst case, then what was not needed is given back: one pass over the text instead of two.
        int start = Length;
        Span<byte> room = Take(sizeof(int) + Encoding.UTF8.GetMaxByteCount(value.Length));
        int bytes = Encoding.UTF8.GetBytes(value, room[sizeof(int)..]);
        BinaryPrimitives.WriteInt32BigEndian(room, bytes);
        Length = start + sizeof(int) + bytes;
    }

    internal void WriteNullableString(string? value)
    {
        if (value is null)
        {
            WriteInt(-1);
        }
        else
        {
            WriteString(value);
        }
    }

    // vector<ACL>: each int perms, ustring scheme, ustring id
    internal void WriteAcl(IReadOnlyList<Acl> acl)
    {
        WriteInt(acl.Count);
        foreach (Acl entry in acl)
        {
            WriteInt((int)entry.Permissions);
            WriteString(entry.Scheme);
            WriteString(entry.Id);
        }
    }

    internal void WriteStrings(IReadOnlyCollection<string> values)
    {
        WriteInt(values.Count);
        foreach (string value in values)
        {
            WriteString(value);
        }
    }

    private Span<byte> Take(int count)
    {
        if (_buffer.Length - Length < count)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, Length + count));
            Written.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        Span<byte> room = _buffer.AsSpan(Length, count);
        Length += count;
        return room;
    }
}
