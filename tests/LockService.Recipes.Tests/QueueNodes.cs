using System.Text;
using LockService.Recipes.Queueing;
using LockService.ZooKeeper;

namespace LockService.Recipes.Tests;

/// <summary>A queue as its nodes show it, past the service.</summary>
internal sealed class QueueNodes(ZooKeeperClient client, string queue)
{
    /// <summary>The queue's nodes; null if there is no such queue.</summary>
    internal async Task<QueueTree?> TreeAsync() => await client.GetDataAsync($"/lockservice/queues/{queue}") is { } pointer
        ? new QueueTree("/lockservice", queue, Encoding.ASCII.GetString(pointer.Data.Span))
        : null;

    /// <summary>The paths of all nodes of a kind, in no particular order; none if there is no such queue.</summary>
    internal async Task<IReadOnlyList<string>> PathsAsync(Shelf shelf)
    {
        if (await TreeAsync() is not { } tree)
        {
            return [];
        }

        var paths = new List<string>();
        foreach (string segment in (await client.GetChildrenAsync(tree.Shelf(shelf)))?.Names ?? [])
        {
            string path = $"{tree.Shelf(shelf)}/{segment}";
            paths.AddRange(((await client.GetChildrenAsync(path))?.Names ?? []).Select(name => $"{path}/{name}"));
        }

        return paths;
    }

    internal async Task<int> CountAsync(Shelf shelf) => (await PathsAsync(shelf)).Count;
}
