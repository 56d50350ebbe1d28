using LockService.ZooKeeper;

namespace LockService.Api.Tests;

/// <summary>Looks at what the service keeps in ZooKeeper.</summary>
internal sealed class Tree : IAsyncDisposable
{
    private readonly ZooKeeperClient _client;

    private Tree(ZooKeeperClient client) => _client = client;

    internal static async Task<Tree> OpenAsync(string connectString)
    {
        var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(connectString) });
        await LockService.Testing.Eventually.CompletesAsync("ZooKeeper answers", client.GetChildrenAsync("/"));
        return new Tree(client);
    }

    /// <summary>The paths of all locks, counters, queues and records of keyed requests, and of everything outside the service's root.</summary>
    internal async Task<IReadOnlyList<string>> ResourcesAsync()
    {
        var paths = new List<string>();
        await CollectAsync("/", paths);
        string[] own = ["/lockservice/instances", "/lockservice/commit"];
        return [.. paths.Where(path => path != "/lockservice/idempotency" && !own.Any(prefix => path.StartsWith(prefix, StringComparison.Ordinal))).Order(StringComparer.Ordinal)];
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private async Task CollectAsync(string path, List<string> paths)
    {
        NodeChildren? node = await _client.GetChildrenAsync(path);
        foreach (string name in node?.Names ?? [])
        {
            string child = path == "/" ? $"/{name}" : $"{path}/{name}";
            paths.Add(child);
            await CollectAsync(child, paths);
        }
    }
}
