using System.Buffers.Binary;
using System.Text;

namespace LockService.Testing;

/// <summary>Writes a file of transactions as a ZooKeeper server does, for states that would take years to reach.</summary>
internal static class TransactionLog
{
    private const int FormatVersion = 2;
    private const int SetData = 5;

    /// <summary>Writes a log with one transaction, which a server applies when it starts.</summary>
    /// <param name="dataDirectory">The stopped server's.</param>
    /// <param name="zxid">Beyond all that the server has.</param>
    /// <param name="path">A node.</param>
    /// <param name="data">Its data after the transaction.</param>
    /// <param name="version">Its version after the transaction, whatever it was before.</param>
    internal static async Task WriteSetDataAsync(string dataDirectory, long zxid, string path, byte[] data, int version)
    {
        using var entry = new MemoryStream();
        // TxnHeader: long clientId, int cxid, long zxid, long time, int type.
        Write(entry, 0L);
        Write(entry, 0);
        Write(entry, zxid);
        Write(entry, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        Write(entry, SetData);
        // SetDataTxn: ustring path, buffer data, int version.
        Write(entry, Encoding.UTF8.GetBytes(path));
        Write(entry, data);
        Write(entry, version);

        using var log = new MemoryStream();
        // FileHeader: int magic, int version, long dbid; then for each transaction: long checksum, buffer, 'B'.
        log.Write("ZKLG"u8);
        Write(log, FormatVersion);
        Write(log, 0L);
        Write(log, (long)Adler32(entry.ToArray()));
        Write(log, entry.ToArray());
        log.Write("B"u8);
        await File.WriteAllBytesAsync(Path.Combine(dataDirectory, "version-2", $"log.{zxid:x}"), log.ToArray());
    }

    private static uint Adler32(byte[] bytes)
    {
        const uint modulus = 65_521;
        uint a = 1;
        uint b = 0;
        foreach (byte next in bytes)
        {
            a = (a + next) % modulus;
            b = (b + a) % modulus;
        }

        return (b << 16) | a;
    }

    private static void Write(Stream stream, long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void Write(Stream stream, int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void Write(Stream stream, byte[] value)
    {
        Write(stream, value.Length);
        stream.Write(value);
    }
}
