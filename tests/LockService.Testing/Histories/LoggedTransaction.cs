using System.Buffers.Binary;
using LockService.ZooKeeper.Protocol;

namespace LockService.Testing.Histories;

/// <summary>A transaction as ZooKeeper has logged it.</summary>
/// <param name="Zxid">Its number.</param>
/// <param name="Changes">What it creates and deletes, in order.</param>
public sealed record LoggedTransaction(long Zxid, IReadOnlyList<LoggedChange> Changes)
{
    private const int Create = 1;
    private const int Delete = 2;
    private const int Multi = 14;
    private const int Create2 = 15;
    private const int CreateContainer = 19;
    private const int DeleteContainer = 20;
    private const int CreateTtl = 21;
    private const int CloseSession = -11;
    private const int Error = -1;

    /// <summary>Reads the logs in a server's data directory.</summary>
    internal static IReadOnlyList<LoggedTransaction> ReadAll(string dataDirectory) =>
    [
        .. Directory.GetFiles(Path.Combine(dataDirectory, "version-2"), "log.*").SelectMany(Read).OrderBy(transaction => transaction.Zxid),
    ];

    private static List<LoggedTransaction> Read(string file)
    {
        // FileHeader: int magic, int version, long dbid; then for each transaction: long checksum, buffer, 'B'. The rest is filled with zeros.
        byte[] bytes;
        using (var open = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
        {
            bytes = new byte[open.Length];
            open.ReadExactly(bytes);
        }

        var transactions = new List<LoggedTransaction>();
        int at = (2 * sizeof(int)) + sizeof(long);
        while (at + sizeof(long) + sizeof(int) < bytes.Length
            && BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at + sizeof(long))) is var length and > 0)
        {
            long checksum = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(at));
            at += sizeof(long) + sizeof(int);
            if (at + length >= bytes.Length || bytes[at + length] != (byte)'B' || checksum != Adler32(bytes.AsSpan(at, length)))
            {
                // The server was killed while it wrote this one; it goes on in another file.
                break;
            }

            transactions.Add(ReadEntry(bytes.AsSpan(at, length)));
            at += length + 1;
        }

        return transactions;
    }

    private static long Adler32(ReadOnlySpan<byte> bytes)
    {
        // RFC 1950: so many sums fit into 32 bits before they must be reduced.
        const int chunk = 5552;
        const uint modulus = 65521;
        uint a = 1;
        uint b = 0;
        while (bytes.Length > 0)
        {
            ReadOnlySpan<byte> next = bytes[..Math.Min(chunk, bytes.Length)];
            foreach (byte value in next)
            {
                a += value;
                b += a;
            }

            (a, b) = (a % modulus, b % modulus);
            bytes = bytes[next.Length..];
        }

        return ((long)b << 16) | a;
    }

    private static LoggedTransaction ReadEntry(ReadOnlySpan<byte> entry)
    {
        // TxnHeader: long clientId, int cxid, long zxid, long time, int type.
        var reader = new JuteReader(entry);
        reader.ReadLong();
        reader.ReadInt();
        long zxid = reader.ReadLong();
        reader.ReadLong();
        var changes = new List<LoggedChange>();
        ReadChanges(reader.ReadInt(), ref reader, changes);
        return new LoggedTransaction(zxid, changes);
    }

    private static void ReadChanges(int type, ref JuteReader reader, List<LoggedChange> changes)
    {
        switch (type)
        {
            case Create or Create2 or CreateContainer or CreateTtl:
                // They all begin with the path.
                changes.Add(new LoggedChange(reader.ReadString(), IsCreation: true));
                break;
            case Delete or DeleteContainer:
                changes.Add(new LoggedChange(reader.ReadString(), IsCreation: false));
                break;
            case CloseSession when reader.Remaining > 0:
                // CloseSessionTxn: vector<ustring> paths2Delete.
                changes.AddRange(reader.ReadStrings().Select(path => new LoggedChange(path, IsCreation: false)));
                break;
            case Multi:
                changes.AddRange(ReadMulti(ref reader));
                break;
        }
    }

    private static List<LoggedChange> ReadMulti(ref JuteReader reader)
    {
        // MultiTxn: vector<Txn>, each int type, buffer data. One error among them means that none was applied, although those before it are there as if they were.
        var changes = new List<LoggedChange>();
        bool failed = false;
        for (int left = reader.ReadCount(2 * sizeof(int)); left > 0; left--)
        {
            int type = reader.ReadInt();
            var data = new JuteReader(reader.ReadBuffer());
            failed |= type == Error;
            ReadChanges(type, ref data, changes);
        }

        return failed ? [] : changes;
    }
}

/// <summary>One node that a transaction creates or deletes.</summary>
/// <param name="Path">The node.</param>
/// <param name="IsCreation">Whether it is created.</param>
public sealed record LoggedChange(string Path, bool IsCreation);
