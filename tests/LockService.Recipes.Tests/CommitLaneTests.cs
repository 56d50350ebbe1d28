using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What a lane does while nothing is lost.</summary>
[Collection("another zookeeper")]
public sealed class CommitLaneTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task The_answer_carries_the_transaction_that_created_the_nodes()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        CommitResult result = await instance.CommitAsync(
            new CommitUnit("a").Create("/a", default, CreateMode.Persistent).Create("/a/n-", default, CreateMode.PersistentSequential));

        Assert.Equal(["/a", "/a/n-0000000000"], result.Paths);
        Stat? node = await instance.Direct.ExistsAsync("/a/n-0000000000");
        Assert.Equal(node?.CreatedZxid, result.Zxid);
    }

    [Fact]
    public async Task What_is_listed_behind_a_batch_contains_what_the_batch_created_and_is_dated_by_it()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("d").Create("/d", default, CreateMode.Persistent));

        Task<CommitResult>[] units = [.. Enumerable.Range(0, 10).Select(i => instance.CommitAsync(
            new CommitUnit("d") { ListBehind = i == 9 ? "/none" : "/d" }.Create($"/d/{i}", default, CreateMode.Persistent)))];
        CommitResult[] results = await Task.WhenAll(units);

        Assert.All(results[..9], (result, i) => Assert.Contains($"{i}", result.Listing!.Names));
        Assert.Contains(results, result => result.Listing?.ChildrenZxid == result.Zxid);
        Assert.Null(results[9].Listing);
    }

    [Fact]
    public async Task Units_that_come_while_a_batch_is_under_way_travel_together_in_the_next_one()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("warm").Create("/warm", default, CreateMode.Persistent));
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<CommitResult> first = instance.CommitAsync(new CommitUnit("first").Create("/first", default, CreateMode.Persistent));
        await Eventually.TrueAsync("the first batch is at the server", async () => await instance.Direct.ExistsAsync("/first") is not null);

        Task<CommitResult>[] others =
            [.. Enumerable.Range(0, 20).Select(i => instance.CommitAsync(new CommitUnit($"{i}").Create($"/{i}", default, CreateMode.Persistent)))];
        instance.Proxy.Resume();

        long[] zxids = [.. (await Task.WhenAll(others)).Select(result => result.Zxid)];
        Assert.Single(zxids.Distinct());
        Assert.NotEqual((await first).Zxid, zxids[0]);
    }

    [Fact]
    public async Task A_patient_unit_travels_with_the_next_one_that_is_not()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        CommitUnit patient = new CommitUnit("a") { Patience = TimeSpan.FromDays(1) }.Create("/a", default, CreateMode.Persistent);
        Task<CommitResult> waiting = instance.Lanes.CommitAsync(patient, new Deadline(long.MaxValue), CancellationToken.None);
        await instance.Direct.SyncAsync("/");
        Assert.False(waiting.IsCompleted);

        CommitResult urgent = await instance.CommitAsync(new CommitUnit("b").Create("/b", default, CreateMode.Persistent));

        Assert.Equal(urgent.Zxid, (await Eventually.CompletesAsync("the patient unit is committed too", waiting)).Zxid);
    }

    [Fact]
    public async Task Patient_units_alone_are_sent_when_the_least_patient_has_waited_enough()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        long submitted = TimeProvider.System.GetTimestamp();
        var patience = TimeSpan.FromMilliseconds(200);

        Task<CommitResult>[] units =
        [
            .. new[] { TimeSpan.FromDays(1), patience, TimeSpan.FromHours(1) }.Select((most, i) => instance.Lanes.CommitAsync(
                new CommitUnit($"{i}") { Patience = most }.Create($"/{i}", default, CreateMode.Persistent), new Deadline(long.MaxValue), default)),
        ];
        CommitResult[] results = await Eventually.CompletesAsync("all are committed", Task.WhenAll(units));

        Assert.True(TimeProvider.System.GetElapsedTime(submitted) >= patience);
        Assert.Single(results.Select(result => result.Zxid).Distinct());
    }

    [Fact]
    public async Task A_unit_that_is_refused_gets_its_error_and_the_others_are_committed()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Direct.CreateAsync("/taken");

        Task<CommitResult>[] units =
        [
            instance.CommitAsync(new CommitUnit("a").Create("/a", default, CreateMode.Persistent)),
            instance.CommitAsync(new CommitUnit("b").Create("/b", default, CreateMode.Persistent).Create("/taken", default, CreateMode.Persistent)),
            instance.CommitAsync(new CommitUnit("c").Create("/c", default, CreateMode.Persistent)),
        ];
        CommitResult[] results = await Task.WhenAll(units);

        Assert.Equal([true, false, true], results.Select(result => result.Committed));
        Assert.Equal((ErrorCode.NodeExists, 1), (results[1].Error, results[1].FailedIndex));
        Assert.Null(await instance.Direct.ExistsAsync("/b"));
        Assert.NotNull(await instance.Direct.ExistsAsync("/c"));
    }

    [Fact]
    public async Task Many_units_at_once_are_all_committed()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        CommitResult[] results = await Task.WhenAll(
            Enumerable.Range(0, 2_000).Select(i => instance.CommitAsync(new CommitUnit($"{i}").Create($"/{i}", default, CreateMode.Persistent))));

        Assert.All(results, result => Assert.True(result.Committed));
    }

    [Fact]
    public async Task A_unit_larger_than_a_request_may_be_fails_alone()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        Task<CommitResult> large = instance.CommitAsync(new CommitUnit("large").Create("/large", new byte[2_000_000], CreateMode.Persistent));
        Task<CommitResult> small = instance.CommitAsync(new CommitUnit("small").Create("/small", default, CreateMode.Persistent));

        await Assert.ThrowsAsync<StoreUnavailableException>(() => large);
        Assert.True((await small).Committed);
    }

    [Fact]
    public async Task A_unit_whose_caller_left_before_it_was_sent_never_happens()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("warm").Create("/warm", default, CreateMode.Persistent));
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<CommitResult> first = instance.CommitAsync(new CommitUnit("first").Create("/first", default, CreateMode.Persistent));
        await Eventually.TrueAsync("the first batch is at the server", async () => await instance.Direct.ExistsAsync("/first") is not null);
        using var leaving = new CancellationTokenSource();
        Task<CommitResult> second = instance.CommitAsync(new CommitUnit("second").Create("/second", default, CreateMode.Persistent), leaving.Token);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        instance.Proxy.Resume();
        await first;

        await instance.CommitAsync(new CommitUnit("third").Create("/third", default, CreateMode.Persistent));
        Assert.Null(await instance.Direct.ExistsAsync("/second"));
    }

    [Fact]
    public async Task A_unit_whose_caller_left_after_it_was_sent_is_reported_so_that_it_can_be_undone()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("warm").Create("/warm", default, CreateMode.Persistent));
        instance.Proxy.Stall(ProxyDirections.ToClient);
        var unclaimed = new TaskCompletionSource<CommitResult>();
        using var leaving = new CancellationTokenSource();
        Task<CommitResult> unit = instance.CommitAsync(
            new CommitUnit("a") { Unclaimed = unclaimed.SetResult }.Create("/a", default, CreateMode.Persistent), leaving.Token);
        await Eventually.TrueAsync("it is at the server", async () => await instance.Direct.ExistsAsync("/a") is not null);

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => unit);
        instance.Proxy.Resume();

        CommitResult result = await Eventually.CompletesAsync("the commitment is reported", unclaimed.Task);
        Assert.Equal("/a", result.Paths[0]);
    }

    [Fact]
    public async Task A_lane_whose_marker_was_removed_goes_on_with_another()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("a").Create("/a", default, CreateMode.Persistent));
        NodeChildren? markers = await instance.Direct.GetChildrenAsync("/lockservice/commit");
        await instance.Direct.DeleteAsync($"/lockservice/commit/{Assert.Single(markers!.Names)}");

        CommitResult result = await instance.CommitAsync(new CommitUnit("b").Create("/b", default, CreateMode.Persistent));

        Assert.True(result.Committed);
    }

    [Fact]
    public async Task A_lane_that_is_closed_removes_its_marker()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("a").Create("/a", default, CreateMode.Persistent));

        await instance.Lanes.DisposeAsync();

        Assert.Empty((await instance.Direct.GetChildrenAsync("/lockservice/commit"))!.Names);
    }
}
