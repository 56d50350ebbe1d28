using LockService.ZooKeeper;

namespace LockService.Recipes.Sessions;

/// <summary>Makes the parents of nodes. ZooKeeper removes empty containers, so a parent may be gone at any time.</summary>
internal static class NodeTree
{
    /// <summary>Creates a node and, if they are missing, the nodes above it. One that exists is left as it is.</summary>
    internal static async Task EnsureAsync(
        ZooKeeperClient client, string path, CreateMode mode, ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                await client.CreateAsync(path, data, mode, cancellation: cancellation).ConfigureAwait(false);
                return;
            }
            catch (RequestRefusedException e) when (e.Code == ErrorCode.NodeExists)
            {
                return;
            }
            catch (RequestRefusedException e) when (e.Code == ErrorCode.NoNode && path.LastIndexOf('/') > 0)
            {
                string parent = path[..path.LastIndexOf('/')];
                await EnsureAsync(client, parent, CreateMode.Persistent, default, cancellation).ConfigureAwait(false);
            }
        }
    }
}
