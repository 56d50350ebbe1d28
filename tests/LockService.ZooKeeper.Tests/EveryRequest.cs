using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>One request of each kind that callers can make, on the node <c>there</c> below a parent, for the faults that may meet any of them.</summary>
internal static class EveryRequest
{
    private static readonly RequestKind[] s_kinds =
        [
            RequestKind.Create2, RequestKind.CreateContainer, RequestKind.CreateTtl, RequestKind.Delete, RequestKind.SetData, RequestKind.Multi,
            RequestKind.Exists, RequestKind.GetData, RequestKind.GetChildren, RequestKind.Sync, RequestKind.GetEphemerals,
            RequestKind.GetAcl, RequestKind.SetAcl, RequestKind.Reconfig, RequestKind.CheckWatches, RequestKind.RemoveWatches,
            RequestKind.MultiRead, RequestKind.CountDescendants, RequestKind.AddWatch, RequestKind.WhoAmI,
        ];

    /// <summary>All of them.</summary>
    public static TheoryData<RequestKind> Kinds => [.. s_kinds];

    /// <summary>A parent with its node for each kind, so that all can be sent at once.</summary>
    internal static async Task<IReadOnlyList<(RequestKind Kind, string Parent)>> PrepareAsync(ZooKeeperClient client)
    {
        (RequestKind Kind, string Parent)[] all = [.. s_kinds.Select(kind => (kind, $"/{kind}"))];
        await Task.WhenAll(all.Select(one => client.CreateAsync(one.Parent)));
        await Task.WhenAll(all.Select(one => client.CreateAsync($"{one.Parent}/there")));
        return all;
    }

    internal static Task SendAsync(ZooKeeperClient client, RequestKind kind, string parent = "") => kind switch
    {
        RequestKind.Create2 => client.CreateAsync($"{parent}/new"),
        RequestKind.CreateContainer => client.CreateAsync($"{parent}/new", mode: CreateMode.Container),
        RequestKind.CreateTtl => client.CreateAsync($"{parent}/new", mode: CreateMode.PersistentWithTtl, ttl: TimeSpan.FromHours(1)),
        RequestKind.Delete => client.DeleteAsync($"{parent}/there"),
        RequestKind.SetData => client.SetDataAsync($"{parent}/there", default, 0),
        RequestKind.Multi => client.CommitAsync(new Transaction().Create($"{parent}/new", default, CreateMode.Persistent)),
        RequestKind.Exists => client.ExistsAsync($"{parent}/there"),
        RequestKind.GetData => client.GetDataAsync($"{parent}/there"),
        RequestKind.GetChildren => client.GetChildrenAsync($"{parent}/there"),
        RequestKind.Sync => client.SyncAsync($"{parent}/there"),
        RequestKind.GetEphemerals => client.GetEphemeralsAsync("/"),
        RequestKind.GetAcl => client.GetAclAsync($"{parent}/there"),
        RequestKind.SetAcl => client.SetAclAsync($"{parent}/there", Acl.Open, 0),
        RequestKind.Reconfig => client.ReconfigureAsync([], [9]),
        RequestKind.CheckWatches => client.HasWatchAsync($"{parent}/there"),
        RequestKind.RemoveWatches => RemoveWatchAsync(client, $"{parent}/there"),
        RequestKind.MultiRead => client.ReadAsync(new ReadBatch().GetData($"{parent}/there")),
        RequestKind.CountDescendants => client.CountDescendantsAsync($"{parent}/there"),
        RequestKind.AddWatch => client.AddWatchAsync($"{parent}/there", WatchScope.Subtree),
        RequestKind.WhoAmI => client.WhoAmIAsync(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>As <see cref="SendAsync"/>; a server that is not part of an ensemble refuses to change one, which is an answer too.</summary>
    internal static async Task AnsweredAsync(ZooKeeperClient client, RequestKind kind, string parent)
    {
        Task request = SendAsync(client, kind, parent);
        if (kind == RequestKind.Reconfig)
        {
            await Assert.ThrowsAsync<RequestRefusedException>(() => request);
        }
        else
        {
            await request;
        }
    }

    /// <summary>Compares the tree with what it must look like if the request was done, or was not.</summary>
    internal static async Task AssertDoneAsync(ZooKeeperClient client, RequestKind kind, bool done, string parent = "")
    {
        bool creates = kind is RequestKind.Create2 or RequestKind.CreateContainer or RequestKind.CreateTtl or RequestKind.Multi;
        Stat? there = await client.ExistsAsync($"{parent}/there");
        Assert.Equal(creates && done, await client.ExistsAsync($"{parent}/new") is not null);
        Assert.Equal(kind == RequestKind.Delete && done, there is null);
        Assert.Equal(kind == RequestKind.SetData && done ? 1 : 0, there?.Version ?? 0);
        Assert.Equal(kind == RequestKind.SetAcl && done ? 1 : 0, there?.AclVersion ?? 0);
    }

    private static async Task RemoveWatchAsync(ZooKeeperClient client, string path)
    {
        PersistentWatch watch = await client.AddWatchAsync(path, WatchScope.Node);
        await watch.RemoveAsync();
    }
}
