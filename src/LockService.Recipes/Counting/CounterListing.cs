using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Counting;

/// <summary>Reads many counters: their names, then their nodes, as many in one request as are asked for.</summary>
internal sealed class CounterListing(string directory, StoreCalls store)
{
    /// <summary>Finds the counters that come after a name, in the order of their names.</summary>
    internal Task<CounterPage> ReadAsync(string prefix, string after, int limit, CancellationToken cancellation) => store.ReadAsync(
        async (client, token) =>
        {
            Task sync = client.SyncAsync(directory, token);
            Task<NodeChildren?> children = client.GetChildrenAsync(directory, token);
            await sync.ConfigureAwait(false);
            NodeChildren? listed = await children.ConfigureAwait(false);
            string[] names = [.. (listed?.Names ?? []).Where(name => IsWanted(name, prefix, after)).Order(StringComparer.Ordinal)];

            // One more than asked for tells whether there is a next page.
            List<CounterState> found = [];
            for (int from = 0; from < names.Length && found.Count <= limit; from += limit + 1)
            {
                await ReadAsync(client, names.AsMemory(from, Math.Min(limit + 1, names.Length - from)), found, token).ConfigureAwait(false);
            }

            return found.Count <= limit ? new CounterPage(found, null) : new CounterPage(found[..limit], found[limit - 1].Name);
        },
        cancellation);

    private static bool IsWanted(string name, string prefix, string after) =>
        ResourceName.IsValid(name) && name.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(name, after) > 0;

    private async Task ReadAsync(ZooKeeperClient client, ReadOnlyMemory<string> names, List<CounterState> found, CancellationToken cancellation)
    {
        var batch = new ReadBatch();
        foreach (string name in names.Span)
        {
            batch.GetData($"{directory}/{name}");
        }

        ReadBatchResult read = await client.ReadAsync(batch, cancellation).ConfigureAwait(false);
        for (int i = 0; i < read.Count; i++)
        {
            // What has gone since, or may not be read, is left out like what is no counter.
            if (read.Error(i) == ErrorCode.Ok && CounterNode.TryParse(read.Data(i), out CounterNode node) && node.StateOf(names.Span[i]) is { } counter)
            {
                found.Add(counter);
            }
        }
    }
}
