using System.Globalization;
using System.Text;
using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Counting;

/// <summary>A counter's node as it was read or written.</summary>
/// <param name="Value">Null if there is no value yet: no node, or one that kazoo made without counting.</param>
/// <param name="Version">The node's version; null if there is no node.</param>
internal readonly record struct CounterNode(long? Value, int? Version)
{
    /// <summary>The highest version to which no further one is added: the next would be -1, which ZooKeeper takes for any version.</summary>
    private const int LastVersion = -2;

    /// <summary>Reads the node so that every change acknowledged before the call is seen.</summary>
    internal static async Task<NodeData?> ReadInSyncAsync(ZooKeeperClient client, string path, CancellationToken cancellation)
    {
        Task sync = client.SyncAsync(path, cancellation);
        Task<NodeData?> read = client.GetDataAsync(path, cancellation);
        await sync.ConfigureAwait(false);
        return await read.ConfigureAwait(false);
    }

    /// <exception cref="WrongKindException">The node's data is no number of 64 bits.</exception>
    internal static CounterNode Parse(NodeData? node)
    {
        if (node is null)
        {
            return default;
        }

        if (node.Data.IsEmpty)
        {
            return new CounterNode(null, node.Stat.Version);
        }

        return long.TryParse(node.Data.Span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
            ? new CounterNode(value, node.Stat.Version)
            : throw new WrongKindException("The node at this name is no counter: its data is no number of 64 bits.");
    }

    /// <summary>The change to a new value, on condition that nobody else has changed the counter.</summary>
    internal CommitUnit ChangeTo(long value, string path)
    {
        byte[] data = Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture));
        var unit = new CommitUnit(path);
        return Version switch
        {
            null => unit.Create(path, data, CreateMode.Persistent),
            -1 => throw new StoreUnavailableException("The counter's node has version -1, on which no change can be conditional; set it by hand once."),
            LastVersion => unit.Delete(path, LastVersion).Create(path, data, CreateMode.Persistent),
            { } version => unit.SetData(path, data, version),
        };
    }

    /// <summary>The node after <see cref="ChangeTo"/>.</summary>
    internal CounterNode After(long value) => new(value, Version is null or LastVersion ? 0 : Version + 1);
}
