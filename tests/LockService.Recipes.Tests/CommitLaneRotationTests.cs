using LockService.Recipes.Commit;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What a lane does when its marker gives way to the next one, also at the worst of moments.</summary>
[Collection("another zookeeper")]
public sealed class CommitLaneRotationTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task A_lane_goes_on_with_another_marker_before_the_versions_end()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, markerVersions: 3);

        for (int i = 0; i < 10; i++)
        {
            Assert.True((await instance.CommitAsync(Creation($"/{i}"))).Committed);
        }

        NodeChildren markers = (await instance.Direct.GetChildrenAsync("/lockservice/commit"))!;
        Assert.Equal([".0", ".1", ".2", ".3"], markers.Names.Select(name => name[name.LastIndexOf('.')..]).Order());
    }

    /// <summary>The lost batch is the last one of its marker, the first one of the next, and one in the middle.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    public async Task A_batch_that_was_lost_as_the_marker_rotated_takes_effect_once(int before, bool sessionToo)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, markerVersions: 2);
        await instance.CommitAsync(Creation("/p"));
        for (int i = 0; i < before; i++)
        {
            await instance.CommitAsync(Creation($"/{i}"));
        }

        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);
        if (sessionToo)
        {
            instance.Proxy.Refuse();
        }

        Task<CommitResult> unit = instance.CommitAsync(new CommitUnit("p").Create("/p/_guid-", default, CreateMode.PersistentSequential));
        await Eventually.CompletesAsync("the reply is lost", dropped);
        if (sessionToo)
        {
            await instance.KillSessionAsync();
            instance.Proxy.Admit();
        }

        Assert.Equal("/p/_guid-0000000000", (await Eventually.CompletesAsync("the unit is answered", unit)).Paths[0]);
        Assert.Single((await instance.Direct.GetChildrenAsync("/p"))!.Names);
        Assert.True((await instance.CommitAsync(Creation("/p/after"))).Committed);
    }

    [Fact]
    public async Task The_creation_of_the_next_marker_may_be_lost()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, markerVersions: 2);
        await instance.CommitAsync(Creation("/a"));
        await instance.CommitAsync(Creation("/b"));
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Create2);

        CommitResult result = await Eventually.CompletesAsync("the unit is answered", instance.CommitAsync(Creation("/c")));

        Assert.True(result.Committed && dropped.IsCompleted);
    }

    [Fact]
    public async Task The_marker_of_a_live_instance_that_was_removed_costs_a_new_one_and_nothing_else()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(Creation("/p"));
        string marker = Assert.Single((await instance.Direct.GetChildrenAsync("/lockservice/commit"))!.Names);
        await instance.Direct.DeleteAsync($"/lockservice/commit/{marker}");

        CommitResult[] results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => instance.CommitAsync(Creation($"/p/{i}"))));

        Assert.All(results, result => Assert.True(result.Committed));
        Assert.Equal(20, (await instance.Direct.GetChildrenAsync("/p"))!.Names.Count);
        Assert.EndsWith(".1", Assert.Single((await instance.Direct.GetChildrenAsync("/lockservice/commit"))!.Names), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_unit_whose_caller_was_answered_is_not_sent_again_while_the_others_of_its_batch_are()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(Creation("/p"));
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<CommitResult> first = instance.CommitAsync(Creation("/first"));
        await Eventually.TrueAsync("the first batch is at the server", async () => await instance.Direct.ExistsAsync("/first") is not null);
        using var leaving = new CancellationTokenSource();
        Task<CommitResult> leaver = instance.CommitAsync(Creation("/p/leaver"), leaving.Token);
        Task<CommitResult> stayer = instance.CommitAsync(Creation("/p/stayer"));
        Task cut = instance.Proxy.CutBeforeForwarding(RequestKind.Multi);
        instance.Proxy.Refuse();
        instance.Proxy.Resume();
        await first;
        await Eventually.CompletesAsync("the second batch reaches nobody", cut);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaver);
        instance.Proxy.Admit();

        Assert.True((await Eventually.CompletesAsync("the other is answered", stayer)).Committed);
        Assert.Equal(["stayer"], (await instance.Direct.GetChildrenAsync("/p"))!.Names);
    }

    [Fact]
    public async Task A_batch_whose_callers_were_all_answered_is_settled_by_an_attempt_with_the_marker_alone()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(Creation("/p"));
        Task cut = instance.Proxy.CutBeforeForwarding(RequestKind.Multi);
        instance.Proxy.Refuse();
        using var leaving = new CancellationTokenSource();
        Task<CommitResult> leaver = instance.CommitAsync(Creation("/p/leaver"), leaving.Token);
        await Eventually.CompletesAsync("the batch reaches nobody", cut);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaver);
        int before = instance.Proxy.Requests.Count(request => request.Kind == RequestKind.Multi);
        instance.Proxy.Admit();

        await instance.CommitAsync(Creation("/p/next"));

        // The marker alone, then the next unit. The first attempt can never be applied any more, however late it comes.
        Assert.Equal(before + 2, instance.Proxy.Requests.Count(request => request.Kind == RequestKind.Multi));
        Assert.Equal(["next"], (await instance.Direct.GetChildrenAsync("/p"))!.Names);
    }

    private static CommitUnit Creation(string path) => new CommitUnit(path).Create(path, default, CreateMode.Persistent);
}
