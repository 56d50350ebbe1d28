using LockService.Recipes.Commit;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What a lane does when replies, connections, sessions and servers are lost.</summary>
[Collection("another zookeeper")]
public sealed class CommitLaneFaultTests(ZooKeeperFixture zookeeper)
{
    private static readonly TimeSpan s_shortDeadline = TimeSpan.FromMilliseconds(500);

    [Theory]
    [InlineData(Loss.Reply)]
    [InlineData(Loss.HalfTheReply)]
    [InlineData(Loss.Request)]
    [InlineData(Loss.ReplyAndSession)]
    [InlineData(Loss.RequestAndSession)]
    public async Task A_lost_batch_takes_effect_once_and_its_answer_is_found_out(Loss loss)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("p").Create("/p", "0"u8.ToArray(), CreateMode.Persistent));
        Func<Task?, Task> lose = Losses.Arrange(instance, loss);

        Task<CommitResult>[] units =
        [
            instance.CommitAsync(new CommitUnit("p").Create("/p/_guid1-", default, CreateMode.PersistentSequential)),
            instance.CommitAsync(new CommitUnit("p").SetData("/p", "1"u8.ToArray(), 0).Create("/p/_guid2-", default, CreateMode.PersistentSequential)),
        ];
        await lose(null);
        CommitResult[] results = await Eventually.CompletesAsync("the units are answered", Task.WhenAll(units));

        NodeChildren children = (await instance.Direct.GetChildrenAsync("/p"))!;
        Assert.Equal(2, children.Names.Count);
        Assert.Equal(["/p/_guid1-0000000000", null, "/p/_guid2-0000000001"], results.SelectMany(result => result.Paths));
        Stat? second = await instance.Direct.ExistsAsync("/p/_guid2-0000000001");
        Assert.Equal(second?.CreatedZxid, results[1].Zxid);
        Assert.Equal(1, children.Stat.Version);
    }

    [Theory]
    [InlineData(Loss.Reply)]
    [InlineData(Loss.Request)]
    [InlineData(Loss.ReplyAndSession)]
    public async Task A_lost_batch_that_was_refused_gives_everybody_his_own_answer(Loss loss)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("p").Create("/p", default, CreateMode.Persistent));
        Func<Task?, Task> lose = Losses.Arrange(instance, loss);

        Task<CommitResult>[] units =
        [
            instance.CommitAsync(new CommitUnit("p").Create("/p/a", default, CreateMode.Persistent)),
            instance.CommitAsync(new CommitUnit("p").SetData("/p", default, 17)),
            instance.CommitAsync(new CommitUnit("p").Create("/p/b", default, CreateMode.Persistent)),
        ];
        await lose(null);
        CommitResult[] results = await Eventually.CompletesAsync("the units are answered", Task.WhenAll(units));

        Assert.Equal([ErrorCode.Ok, ErrorCode.BadVersion, ErrorCode.Ok], results.Select(result => result.Error));
        Assert.Equal(2, (await instance.Direct.GetChildrenAsync("/p"))!.Names.Count);
    }

    [Fact]
    public async Task A_batch_in_flight_survives_the_crash_of_the_only_server()
    {
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync();
        await using TestInstance instance = await TestInstance.StartAsync(server, chroot: "");
        await instance.CommitAsync(new CommitUnit("p").Create("/p", default, CreateMode.Persistent));
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<CommitResult> unit = instance.CommitAsync(new CommitUnit("p").Create("/p/_guid-", default, CreateMode.PersistentSequential));
        await Eventually.TrueAsync("it was applied", async () => (await instance.Direct.GetChildrenAsync("/p"))!.Names.Count == 1);

        await server.StopAsync();
        instance.Proxy.Cut();
        instance.Proxy.Resume();
        await server.StartAsync();

        CommitResult result = await Eventually.CompletesAsync("the unit is answered", unit);
        Assert.Equal("/p/_guid-0000000000", result.Paths[0]);
        Assert.Single((await instance.Direct.GetChildrenAsync("/p"))!.Names);
    }

    [Fact]
    public async Task A_unit_that_cannot_be_sent_by_its_deadline_fails_and_never_happens()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: s_shortDeadline);
        await CutOffAsync(instance);

        await Assert.ThrowsAsync<StoreUnavailableException>(
            () => instance.CommitAsync(new CommitUnit("a").Create("/a", default, CreateMode.Persistent)));

        await ReconnectAsync(instance);
        Assert.Null(await instance.Direct.ExistsAsync("/a"));
    }

    [Fact]
    public async Task A_unit_whose_outcome_is_open_at_its_deadline_is_answered_so_and_settled_later()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: s_shortDeadline);
        await ReconnectAsync(instance);
        var unclaimed = new TaskCompletionSource<CommitResult>();
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);
        instance.Proxy.Refuse();

        Task<CommitResult> unit = instance.CommitAsync(
            new CommitUnit("a") { Unclaimed = unclaimed.SetResult }.Create("/_guid-", default, CreateMode.PersistentSequential));
        await dropped;
        await Assert.ThrowsAsync<EffectUnknownException>(() => unit);
        Assert.False(unclaimed.Task.IsCompleted);

        await ReconnectAsync(instance);
        CommitResult result = await Eventually.CompletesAsync("the commitment is reported", unclaimed.Task);
        Assert.NotNull(await instance.Direct.ExistsAsync(result.Paths[0]!));
    }

    [Fact]
    public async Task A_unit_that_got_lost_and_whose_caller_was_told_so_does_not_happen_afterwards()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: s_shortDeadline);
        await ReconnectAsync(instance);
        Task cut = instance.Proxy.CutBeforeForwarding(RequestKind.Multi);
        instance.Proxy.Refuse();

        Task<CommitResult> unit = instance.CommitAsync(new CommitUnit("a").Create("/a", default, CreateMode.Persistent));
        await cut;
        await Assert.ThrowsAsync<EffectUnknownException>(() => unit);

        await ReconnectAsync(instance);
        Assert.Null(await instance.Direct.ExistsAsync("/a"));
    }

    [Fact]
    public async Task An_outcome_that_cannot_be_found_out_is_told_as_unknown_and_the_lane_goes_on()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await ReconnectAsync(instance);
        NodeChildren? markers = await instance.Direct.GetChildrenAsync("/lockservice/commit");
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);
        instance.Proxy.Refuse();
        Task<CommitResult> unit = instance.CommitAsync(new CommitUnit("a").Create("/a", default, CreateMode.Persistent));
        await dropped;

        await instance.Direct.DeleteAsync($"/lockservice/commit/{Assert.Single(markers!.Names)}");
        instance.Proxy.Admit();

        await Assert.ThrowsAsync<EffectUnknownException>(() => unit);
        Assert.True((await instance.CommitAsync(new CommitUnit("b").Create("/b", default, CreateMode.Persistent))).Committed);
    }

    [Fact]
    public async Task Every_unit_happens_exactly_once_over_many_random_losses()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("p").Create("/p", default, CreateMode.Persistent));
        var all = new List<CommitResult>();

        for (int i = 0; i < 25; i++)
        {
            Func<Task?, Task> lose = Losses.Arrange(instance, (Loss)random.Next(3));
            Task<CommitResult[]> units = Task.WhenAll(Enumerable.Range(0, random.Next(1, 30)).Select(
                _ => instance.CommitAsync(new CommitUnit("p").Create($"/p/{Guid.NewGuid():N}-", default, CreateMode.PersistentSequential))));
            await lose(null);
            all.AddRange(await Eventually.CompletesAsync($"the units are answered (seed {seed})", units));
        }

        NodeChildren children = (await instance.Direct.GetChildrenAsync("/p"))!;
        Assert.True(all.TrueForAll(result => result.Committed), $"seed {seed}");
        Assert.Equal(children.Names.Select(name => $"/p/{name}").Order(), all.Select(result => result.Paths[0]).Order());
    }

    private static async Task CutOffAsync(TestInstance instance)
    {
        await ReconnectAsync(instance);
        instance.Proxy.Refuse();
        instance.Proxy.Cut();
        await Eventually.TrueAsync("it is disconnected", () => instance.Sessions.Current.Status.State != SessionState.Connected);
    }

    /// <summary>Lets the instance connect and waits until its lane has nothing unsettled.</summary>
    private static async Task ReconnectAsync(TestInstance instance)
    {
        instance.Proxy.Admit();
        await Eventually.TrueAsync("the lane works", async () =>
        {
            try
            {
                return (await instance.CommitAsync(new CommitUnit("/").Check("/", -1))).Committed;
            }
            catch (CoordinationException)
            {
                return false;
            }
        });
    }
}
