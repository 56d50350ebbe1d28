using System.Buffers.Binary;
using System.Text;

namespace LockService.Testing;

/// <summary>A persistent node that a server finds in its log when it starts, as if it had been created before.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Data">Its data.</param>
/// <param name="NextNumber">The number that the next sequential child of its parent gets. Default: as if the parent had had no others.</param>
public sealed record PreparedNode(string Path, string Data = "", int? NextNumber = null);

/// <summary>Writes a file of transactions as a ZooKeeper server does, for states that would take years to reach.</summary>
internal static class TransactionLog
{
    private static readonly DateTimeOffset s_time = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private const int FormatVersion = 2;
    private const int Create = 1;
    private const int SetData = 5;
    private const int AllPermissions = 31;

    /// <summary>Writes a log with one transaction, which a server applies when it starts.</summary>
    /// <param name="dataDirectory">The stopped server's.</param>
    /// <param name="zxid">Beyond all that the server has.</param>
    /// <param name="path">A node.</param>
    /// <param name="data">Its data after the transaction.</param>
    /// <param name="version">Its version after the transaction, whatever it was before.</param>
    internal static async Task WriteSetDataAsync(string dataDirectory, long zxid, string path, byte[] data, int version)
    {
        using var entry = new MemoryStream();
        WriteHeader(entry, zxid, SetData);
        // SetDataTxn: ustring path, buffer data, int version.
        Write(entry, Encoding.UTF8.GetBytes(path));
        Write(entry, data);
        Write(entry, version);
        await WriteLogAsync(dataDirectory, zxid, entry.ToArray());
    }

    /// <summary>The same for the creation of a persistent node.</summary>
    /// <param name="dataDirectory">The stopped server's.</param>
    /// <param name="zxid">Beyond all that the server has.</param>
    /// <param name="node">The node; its parent exists.</param>
    internal static async Task WriteCreateAsync(string dataDirectory, long zxid, PreparedNode node)
    {
        using var entry = new MemoryStream();
        WriteHeader(entry, zxid, Create);
        // CreateTxn: ustring path, buffer data, vector<ACL> acl, boolean ephemeral, int parentCVersion. ACL: int perms, ustring scheme, ustring id.
        Write(entry, Encoding.UTF8.GetBytes(node.Path));
        Write(entry, Encoding.UTF8.GetBytes(node.Data));
        Write(entry, 1);
        Write(entry, AllPermissions);
        Write(entry, "world"u8.ToArray());
        Write(entry, "anyone"u8.ToArray());
        entry.WriteByte(0);
        Write(entry, node.NextNumber ?? -1);
        await WriteLogAsync(dataDirectory, zxid, entry.ToArray());
    }

    private static void WriteHeader(Stream entry, long zxid, int type)
    {
        // TxnHeader: long clientId, int cxid, long zxid, long time, int type.
        Write(entry, 0L);
        Write(entry, 0);
        Write(entry, zxid);
        // The same on all members of an ensemble, which compare digests of what they have.
        Write(entry, s_time.ToUnixTimeMilliseconds());
        Write(entry, type);
    }

    private static async Task WriteLogAsync(string dataDirectory, long zxid, byte[] entry)
    {
        using var log = new MemoryStream();
        // FileHeader: int magic, int version, long dbid; then for each transaction: long checksum, buffer, 'B'.
        log.Write("ZKLG"u8);
        Write(log, FormatVersion);
        Write(log, 0L);
        Write(log, (long)Adler32(entry));
        Write(log, entry);
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
