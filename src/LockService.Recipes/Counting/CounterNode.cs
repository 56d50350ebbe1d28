using System.Buffers.Text;
using System.Globalization;
using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Counting;

/// <summary>A counter's node as it was read or written.</summary>
/// <param name="Value">
/// Null if there is no counter: no node, or one without data. That is what a removed counter leaves behind, so that its versions go on, and
/// what kazoo makes before it counts.
/// </param>
/// <param name="Version">The node's version; null if there is no node.</param>
/// <param name="Zxid">The transaction that last changed it; 0 if there is no node.</param>
/// <param name="ModifiedAtMs">When that was, by the leader's wall clock, milliseconds since 1970; for people to read.</param>
internal readonly record struct CounterNode(long? Value, int? Version, long Zxid, long ModifiedAtMs)
{
    /// <summary>The highest version to which no further one is added: the next would be -1, which ZooKeeper takes for any version.</summary>
    private const int LastVersion = -2;

    /// <summary>The version at which ZooKeeper knows no condition; only others leave a counter there.</summary>
    private const int AnyVersion = -1;

    /// <summary>The longest number of 64 bits, with its sign.</summary>
    private const int MaxDigits = 20;

    internal CounterContent Content => new(Value, Zxid);

    /// <summary>Whether a change may be built on it later, on no other condition than its version.</summary>
    internal bool CanBeTrusted => Version is not (null or AnyVersion);

    /// <summary>Reads the node so that every change acknowledged before the call is seen.</summary>
    internal static async Task<NodeData?> ReadInSyncAsync(ZooKeeperClient client, string path, CancellationToken cancellation)
    {
        Task sync = client.SyncAsync(path, cancellation);
        Task<NodeData?> read = client.GetDataAsync(path, cancellation);
        await sync.ConfigureAwait(false);
        return await read.ConfigureAwait(false);
    }

    /// <exception cref="WrongKindException">The node's data is no number of 64 bits, or it has children.</exception>
    internal static CounterNode Parse(NodeData? node) =>
        TryParse(node, out CounterNode counter)
            ? counter
            : throw new WrongKindException("The node at this name is no counter: its data is no number of 64 bits, or it has children.");

    /// <summary>False if the node holds something else than a counter.</summary>
    internal static bool TryParse(NodeData? node, out CounterNode counter)
    {
        counter = default;
        if (node is null)
        {
            return true;
        }

        // kazoo reads no data as its default, which is what a counter begins with here as well.
        long? value = null;
        if (!node.Data.IsEmpty)
        {
            if (!long.TryParse(node.Data.Span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number))
            {
                return false;
            }

            value = number;
        }

        counter = new CounterNode(value, node.Stat.Version, node.Stat.ModifiedZxid, node.Stat.ModifiedAt);
        return node.Stat.ChildCount == 0;
    }

    /// <summary>The counter as callers see it; null if there is none.</summary>
    internal CounterState? StateOf(string name) =>
        Value is { } value ? new CounterState(name, value, Zxid, DateTimeOffset.FromUnixTimeMilliseconds(ModifiedAtMs)) : null;

    /// <summary>The change to a new value, or to no counter, on condition that nobody else has changed the node.</summary>
    internal CommitUnit ChangeTo(long? value, string path)
    {
        var unit = new CommitUnit(path);
        return Version switch
        {
            null => unit.Create(path, DataOf(value), CreateMode.Persistent),
            // Starting again at 0 needs no tombstone: nobody still knows a version from 4 billion changes ago.
            LastVersion when value is null => unit.Delete(path, LastVersion),
            LastVersion => unit.Delete(path, LastVersion).Create(path, DataOf(value), CreateMode.Persistent),
            { } version => unit.SetData(path, DataOf(value), version),
        };
    }

    /// <summary>The node after <see cref="ChangeTo"/>.</summary>
    internal CounterNode After(long? value, CommitResult written) => Version switch
    {
        LastVersion when value is null => default,
        null or LastVersion => new(value, 0, written.Zxid, written.CommittedAtMs),
        { } version => new(value, version + 1, written.Zxid, written.CommittedAtMs),
    };

    private static ReadOnlyMemory<byte> DataOf(long? value)
    {
        if (value is not { } number)
        {
            return default;
        }

        byte[] digits = new byte[MaxDigits];
        Utf8Formatter.TryFormat(number, digits, out int length);
        return digits.AsMemory(0, length);
    }
}
