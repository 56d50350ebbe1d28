using LockService.Recipes.Commit;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What a lane does when ZooKeeper refuses what no repetition would change, such as for want of rights.</summary>
[Collection("another zookeeper")]
public sealed class CommitLaneRefusalTests(ZooKeeperFixture zookeeper)
{
    /// <summary>Far less than a caller's deadline, which is 20 s here.</summary>
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_unit_alone_in_its_batch_is_answered_and_nothing_more_is_sent()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await CloseAsync(instance, "/closed");
        await instance.CommitAsync(Creation("/warm"));
        int before = Multis(instance);

        CommitResult refused = await Eventually.CompletesAsync("the unit is answered", instance.CommitAsync(Creation("/closed/n")), s_soon);

        Assert.Equal((ErrorCode.NoAuth, 0), (refused.Error, refused.FailedIndex));
        Assert.True((await instance.CommitAsync(Creation("/next"))).Committed);
        // The refused one and the next one: a batch that has lost its only unit is over.
        Assert.Equal(2, Multis(instance) - before);
    }

    [Fact]
    public async Task The_others_of_its_batch_are_committed()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await CloseAsync(instance, "/closed");
        await instance.CommitAsync(Creation("/warm"));
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<CommitResult> first = instance.CommitAsync(Creation("/first"));
        await Eventually.TrueAsync("the first batch is at the server", async () => await instance.Direct.ExistsAsync("/first") is not null);

        Task<CommitResult>[] units = [.. ((string[])["/a", "/closed/n", "/b"]).Select(path => instance.CommitAsync(Creation(path)))];
        instance.Proxy.Resume();
        CommitResult[] results = await Eventually.CompletesAsync("the units are answered", Task.WhenAll([first, .. units]), s_soon);

        Assert.Equal([ErrorCode.Ok, ErrorCode.Ok, ErrorCode.NoAuth, ErrorCode.Ok], results.Select(result => result.Error));
    }

    [Fact]
    public async Task A_lane_that_may_not_make_its_marker_says_so_at_once_and_goes_on_when_it_may()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Direct.CreateAsync("/lockservice");
        await CloseAsync(instance, "/lockservice/commit");

        await Assert.ThrowsAsync<StoreUnavailableException>(
            () => Eventually.CompletesAsync("the unit is answered", instance.CommitAsync(Creation("/a")), s_soon));

        await instance.Direct.SetAclAsync("/lockservice/commit", Acl.Open, -1);
        Assert.True((await instance.CommitAsync(Creation("/b"))).Committed);
        Assert.Null(await instance.Direct.ExistsAsync("/a"));
    }

    private static async Task CloseAsync(TestInstance instance, string path) =>
        await instance.Direct.CreateAsync(path, default, CreateMode.Persistent, [new Acl(Permissions.Read | Permissions.Admin, "world", "anyone")]);

    private static CommitUnit Creation(string path) => new CommitUnit(path).Create(path, default, CreateMode.Persistent);

    private static int Multis(TestInstance instance) => instance.Proxy.Requests.Count(request => request.Kind == RequestKind.Multi);
}
