using System.Globalization;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Commit;

/// <summary>
/// The persistent node that every batch of a lane changes first. Its version tells whether a batch was applied, its data which attempt at
/// it, its mzxid in which transaction. Only the lane writes it.
/// </summary>
/// <param name="pathPrefix">The path without its generation: that of all markers, the instance's id, a dash, and the lane.</param>
/// <param name="maxVersion">From which version on the lane goes on with another node.</param>
internal sealed class LaneMarker(string pathPrefix, int maxVersion = LaneMarker.MaxVersion)
{
    /// <summary>Long before the version comes near -1, which ZooKeeper takes for any version.</summary>
    internal const int MaxVersion = 1 << 30;

    private int _generation;
    private bool _exists;

    /// <summary>
    /// Never used again once the node was lost: a copy of an old batch that is still under way must not meet a new node with the version
    /// it expects.
    /// </summary>
    internal string Path => string.Create(CultureInfo.InvariantCulture, $"{pathPrefix}.{_generation}");

    /// <summary>The version that the next batch expects.</summary>
    internal int Version { get; private set; }

    /// <summary>The id of the instance that a marker of this name belongs to.</summary>
    internal static string InstanceOf(string name) => name[..Math.Max(0, name.LastIndexOf('-'))];

    /// <summary>Creates the node if this generation of it has not been created yet.</summary>
    internal async Task EnsureAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        if (!_exists)
        {
            // One that exists already was created here, and the reply was lost.
            await NodeTree.EnsureAsync(client, Path, CreateMode.Persistent, default, cancellation).ConfigureAwait(false);
            (_exists, Version) = (true, 0);
        }
    }

    /// <summary>The batch was applied.</summary>
    internal void Advance()
    {
        if (++Version >= maxVersion)
        {
            Replace();
        }
    }

    /// <summary>Goes on with another node; the old one is left to the sweeper.</summary>
    internal void Replace()
    {
        _generation++;
        _exists = false;
    }

    /// <summary>Reads the number of the attempt that was applied last, and the node's state since then; null if the node is gone or not ours.</summary>
    internal async Task<(long Number, Stat Marker)?> ReadAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        Task sync = client.SyncAsync(Path, cancellation);
        Task<NodeData?> read = client.GetDataAsync(Path, cancellation);
        await sync.ConfigureAwait(false);
        return await read.ConfigureAwait(false) is { } node
            && long.TryParse(node.Data.Span, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? (number, node.Stat)
            : null;
    }

    /// <summary>Removes the node, so that it need not be swept. Whatever is still under way can never be applied then.</summary>
    internal async Task DeleteAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        if (_exists)
        {
            await client.DeleteAsync(Path, cancellation: cancellation).ConfigureAwait(false);
        }
    }
}
