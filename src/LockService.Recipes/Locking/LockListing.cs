using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Reads which locks are held: the names of all directories, then, as far as the page needs it, who is in them. What is read together shares
/// requests, so that their number grows with the page and not with the locks.
/// </summary>
internal sealed class LockListing(LockServices services)
{
    /// <summary>Directories that are looked into together: those that are empty count for nothing, and there may be many.</summary>
    private const int DirectoriesAtOnce = 256;

    /// <summary>Finds the held locks that come after a name, in the order of their names.</summary>
    internal Task<LockPage> ReadAsync(string prefix, string after, int limit, CancellationToken cancellation) => services.Store.ReadAsync(
        async (client, token) =>
        {
            DirectoryListing? all = await services.Reads
                .ListAsync(client, LockDirectory.Parent(services.Options.Root), latest: true, token).ConfigureAwait(false);
            string[] names = [.. (all?.Names ?? []).Where(name => IsWanted(name, prefix, after)).Order(StringComparer.Ordinal)];

            // One more than asked for tells whether there is a next page.
            List<LockState> found = [];
            foreach (string[] some in names.Chunk(DirectoriesAtOnce))
            {
                Contenders[] seen = await Task.WhenAll(some.Select(name => ListAsync(client, name, token))).ConfigureAwait(false);
                foreach ((string Name, Contenders Seen)[] used in some.Zip(seen).Where(one => one.Second.Holding.Any()).Chunk(limit + 1))
                {
                    LockState[] states = await Task.WhenAll(used.Select(one => ReadAsync(client, one.Name, one.Seen, token))).ConfigureAwait(false);
                    found.AddRange(states.Where(state => state.Holders.Count > 0));
                    if (found.Count > limit)
                    {
                        return new LockPage(found[..limit], found[limit - 1].Name);
                    }
                }
            }

            return new LockPage(found, null);
        },
        cancellation);

    private static bool IsWanted(string name, string prefix, string after) =>
        ResourceName.IsValid(name) && name.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(name, after) > 0;

    private async Task<Contenders> ListAsync(ZooKeeperClient client, string name, CancellationToken cancellation) =>
        new(await services.Reads.ListAsync(client, Directory(name).Path, latest: false, cancellation).ConfigureAwait(false));

    private Task<LockState> ReadAsync(ZooKeeperClient client, string name, Contenders seen, CancellationToken cancellation) =>
        new LockReader(services).ReadAsync(client, Directory(name), name, seen, withWaiters: false, cancellation);

    private LockDirectory Directory(string name) => new(services.Options.Root, name);
}
