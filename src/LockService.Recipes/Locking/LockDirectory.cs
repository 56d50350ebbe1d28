using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>Where a lock's contenders are: <c>&lt;root&gt;/locks/&lt;name&gt;</c>, a container that names its kind.</summary>
internal sealed class LockDirectory(string root, string lockName)
{
    internal string Path { get; } = $"{Parent(root)}/{lockName}";

    internal static string Parent(string root) => $"{root}/locks";

    internal string Child(string name) => $"{Path}/{name}";

    internal async Task<Contenders> ListAsync(ZooKeeperClient client, CancellationToken cancellation) =>
        new(await client.GetChildrenAsync(Path, cancellation).ConfigureAwait(false));

    /// <summary>
    /// Lists after a sync, both in one round trip: the listing reflects every change that was acknowledged to anybody before the call.
    /// </summary>
    internal async Task<Contenders> ListLatestAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        Task sync = client.SyncAsync(Path, cancellation);
        Task<Contenders> list = ListAsync(client, cancellation);
        await Task.WhenAll(sync, list).ConfigureAwait(false);
        return await list.ConfigureAwait(false);
    }
}
