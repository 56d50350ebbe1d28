using System.Text;
using LockService.Recipes.Commit;
using LockService.Recipes.Queueing;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>
/// The hazards of lost answers, each by its number. E5 and E6 are tested with the sweeper (<see cref="RecordSweeperTests"/>), E7 is about HTTP
/// and tested with the service.
/// </summary>
[Collection("another zookeeper")]
public sealed class ExactlyOnceHazardTests(ZooKeeperFixture zookeeper)
{
    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task E1_a_name_that_only_the_lost_reply_told_is_found_by_its_GUID()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("p").Create("/p", default, CreateMode.Persistent));
        await instance.Direct.CreateAsync("/p/stranger-", default, CreateMode.PersistentSequential);
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);

        CommitResult result = await instance.CommitAsync(new CommitUnit("p").Create("/p/guid-", default, CreateMode.PersistentSequential));

        Assert.True(dropped.IsCompleted);
        Assert.Equal("/p/guid-0000000001", result.Paths[0]);
        Assert.Equal((await instance.Direct.ExistsAsync("/p/guid-0000000001"))!.Value.CreatedZxid, result.Zxid);
    }

    [Fact]
    public async Task E2_what_a_session_created_that_is_over_is_not_taken_for_ones_own()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("p").Create("/p", default, CreateMode.Persistent));
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);
        instance.Proxy.Refuse();
        Task<CommitResult> unit = instance.CommitAsync(new CommitUnit("p").Create("/p/guid-", default, CreateMode.EphemeralSequential));
        await Eventually.CompletesAsync("the reply is lost", dropped);
        await instance.KillSessionAsync();
        instance.Proxy.Admit();

        CommitResult result = await Eventually.CompletesAsync("the unit is answered", unit);

        Assert.True(result.Committed);
        Assert.Null(result.Paths[0]);
        Assert.NotSame(instance.Sessions.Current, result.Client);
        Assert.Equal(SessionState.Ended, result.Client!.Status.State);
    }

    [Fact]
    public async Task E3_a_copy_of_a_settled_batch_that_arrives_late_is_refused()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(new CommitUnit("p").Create("/p", default, CreateMode.Persistent));
        string marker = $"/lockservice/commit/{Assert.Single((await instance.Direct.GetChildrenAsync("/lockservice/commit"))!.Names)}";
        int expected = (await instance.Direct.ExistsAsync(marker))!.Value.Version;
        Task cut = instance.Proxy.CutBeforeForwarding(RequestKind.Multi);
        Assert.True((await instance.CommitAsync(new CommitUnit("p").Create("/p/a", default, CreateMode.Persistent))).Committed);
        Assert.True(cut.IsCompleted);
        await instance.Direct.DeleteAsync("/p/a");

        // What an abandoned session may still have on its way.
        TransactionResult late = await instance.Direct.CommitAsync(new Transaction()
            .SetData(marker, "2"u8.ToArray(), expected)
            .Create("/p/a", default, CreateMode.Persistent));

        Assert.Equal((false, 0, ErrorCode.BadVersion), (late.Committed, late.FailedIndex, late.Error));
        Assert.Null(await instance.Direct.ExistsAsync("/p/a"));
    }

    [Fact]
    public async Task E4_the_record_in_the_same_transaction_leaves_no_race_between_effect_and_lookup()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        var unclaimed = new CommitUnit("c").Create("/c", "5"u8.ToArray(), CreateMode.Persistent).Create("/record", default, CreateMode.Persistent);
        var again = new CommitUnit("c").Delete("/c", -1).Create("/c", "10"u8.ToArray(), CreateMode.Persistent).Create("/record", default, CreateMode.Persistent);

        CommitResult[] results = [await one.CommitAsync(unclaimed), await two.CommitAsync(again)];

        Assert.Equal((ErrorCode.NodeExists, 2), (results[1].Error, results[1].FailedIndex));
        Assert.Equal("5", await one.TextAsync("/c"));
    }

    [Fact]
    public async Task E8_an_acknowledgement_that_comes_late_touches_nothing_of_the_next_delivery()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1), s_never);
        LeasedMessage late = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, TimeSpan.FromMilliseconds(500), s_never));
        LeasedMessage next = Assert.Single(await instance.Queues.DequeueAsync("q", 1, TimeSpan.FromSeconds(30), s_lease, s_never));

        Assert.Equal([late.LeaseId], await instance.Queues.AckAsync("q", [late.LeaseId], s_never));

        Assert.Empty(await instance.Queues.AckAsync("q", [next.LeaseId], s_never));
    }

    [Fact]
    public async Task E9_a_counter_that_was_removed_and_made_again_has_no_version_it_had_before()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
        CounterState before = (await instance.Counters.GetAsync("c", s_never))!;
        await instance.Direct.DeleteAsync("/lockservice/counters/c");
        await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);

        CounterState after = (await instance.Counters.GetAsync("c", s_never))!;

        Assert.Equal(before.Value, after.Value);
        Assert.True(after.Version > before.Version);
    }

    [Fact]
    public async Task A_replayed_dequeue_gives_the_same_messages_on_leases_that_begin_anew()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await one.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
        var lease = TimeSpan.FromSeconds(3);
        IReadOnlyList<LeasedMessage> first = await DequeueAsync(one, "k", lease);

        IReadOnlyList<LeasedMessage> last = first;
        long begin = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(begin) < 2 * lease)
        {
            last = await DequeueAsync(two, "k", lease);
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        Assert.Equal(first.Select(Shown), last.Select(Shown));
        Assert.All(last, message => Assert.Equal(1, message.DeliveryCount));
        Assert.Empty(await one.Queues.AckAsync("q", [.. first.Select(message => message.LeaseId)], s_never));
    }

    [Fact]
    public async Task A_replayed_dequeue_leaves_out_what_is_not_the_callers_any_more_and_shortens_no_lease()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
        IReadOnlyList<LeasedMessage> first = await DequeueAsync(instance, "k", s_lease);
        await instance.Queues.AckAsync("q", [first[0].LeaseId], s_never);
        string delivery = Assert.Single(await instance.Queue.PathsAsync(Shelf.Deliveries));
        string extended = (await instance.TextAsync(delivery))!.Replace("60000", "90000", StringComparison.Ordinal);
        await instance.Direct.SetDataAsync(delivery, Encoding.UTF8.GetBytes(extended), -1);

        IReadOnlyList<LeasedMessage> again = await DequeueAsync(instance, "k", s_lease);

        Assert.Equal([Shown(first[1])], again.Select(Shown));
        Assert.Equal(extended, await instance.TextAsync(delivery));
    }

    [Fact]
    public async Task A_keyed_dequeue_whose_answer_was_lost_gets_its_messages_by_asking_again()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await one.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2, 3), s_never);
        await one.CommitAsync(new CommitUnit("/").Check("/", -1));
        using var leaving = new CancellationTokenSource();
        Task dropped = one.Proxy.DropNextReply(RequestKind.Multi);
        one.Proxy.Refuse();
        Task<IReadOnlyList<LeasedMessage>> lost = one.Queues.DequeueAsync(
            "q", 2, TimeSpan.Zero, s_lease, KeyedCallsTests.Request("k"), leaving.Token);
        await Eventually.CompletesAsync("the reply is lost", dropped);
        await leaving.CancelAsync();
        one.Proxy.Admit();
        await Eventually.TrueAsync("the caller has left", () => lost.IsCompleted);

        IReadOnlyList<LeasedMessage> again = [];
        await Eventually.TrueAsync("the lost lane is settled", async () => (again = await DequeueAsync(two, "k", s_lease)).Count > 0);

        Assert.Equal(again.Select(Shown), (await DequeueAsync(one, "k", s_lease)).Select(Shown));
        Assert.All(again, message => Assert.Equal(1, message.DeliveryCount));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Keyed_messages_are_put_and_removed_once_over_lost_answers(bool sessionToo)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(0), KeyedCallsTests.Request("warm"), s_never);

        IReadOnlyList<string>[] ids = await LosingAsync(instance, sessionToo, key => instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), key, s_never));
        IReadOnlyList<LeasedMessage> all = await instance.Queues.DequeueAsync("q", 10, TimeSpan.Zero, s_lease, s_never);
        string[] leases = [.. all.Select(message => message.LeaseId)];
        IReadOnlyList<string>[] acks = await LosingAsync(instance, sessionToo, key => instance.Queues.AckAsync("q", leases, key, s_never));

        Assert.Equal(ids[0], ids[1]);
        Assert.Equal(3, all.Count);
        Assert.Equal(ids[0], all.Skip(1).Select(message => message.MessageId));
        Assert.All(acks, Assert.Empty);
        Assert.Empty(await instance.Queue.PathsAsync(Shelf.Messages));
    }

    /// <summary>Makes a call whose answer is lost, and the same call again.</summary>
    private static async Task<T[]> LosingAsync<T>(TestInstance instance, bool sessionToo, Func<KeyedRequest, Task<T>> call)
    {
        string key = Guid.NewGuid().ToString();
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);
        Task<T> first = call(KeyedCallsTests.Request(key));
        if (sessionToo)
        {
            await Eventually.CompletesAsync("the reply is lost", dropped);
            await instance.KillSessionAsync();
        }

        return [await Eventually.CompletesAsync("the call is answered", first), await call(KeyedCallsTests.Request(key))];
    }

    private static Task<IReadOnlyList<LeasedMessage>> DequeueAsync(TestInstance instance, string key, TimeSpan lease) =>
        instance.Queues.DequeueAsync("q", 2, TimeSpan.Zero, lease, KeyedCallsTests.Request(key), s_never);

    private static string Shown(LeasedMessage message) => $"{message.MessageId} {message.LeaseId} {Encoding.UTF8.GetString(message.Body.Span)}";
}
