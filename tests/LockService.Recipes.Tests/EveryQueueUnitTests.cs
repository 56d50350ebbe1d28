using LockService.Recipes.Queueing;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>
/// Every kind of change of leased messages and of queues as a whole under every kind of loss: whatever is lost, the effect is there exactly
/// once. The versions of the nodes tell how often something was done.
/// </summary>
[Collection("another zookeeper")]
public sealed class EveryQueueUnitTests(ZooKeeperFixture zookeeper)
{
    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(60);
    private static readonly QueueSettings s_settings = new() { MaxLength = 7, MaxDeliveries = 1 };

    public enum Change
    {
        Nack,
        KeyedNack,

        /// <summary>A nack that makes dead letters.</summary>
        LastNack,
        Extension,
        KeyedExtension,
        Redrive,
        KeyedRedrive,

        /// <summary>Settings that make the queue.</summary>
        FirstSettings,
        Settings,
        KeyedSettings,
        Removal,
        KeyedRemoval,
    }

    public static TheoryData<Change> All => [.. Enum.GetValues<Change>()];

    [Theory]
    [MemberData(nameof(All))]
    public Task Its_effect_is_there_exactly_once(Change change) => Losses.OfEveryKindAsync(async (loss, markerVersions) =>
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, markerVersions: markerVersions);
        await HappensOnceAsync(instance, change, () => Losses.Arrange(instance, loss));
    });

    /// <summary>Both what was done and what was not, when the session goes on with another server.</summary>
    [Fact]
    public Task Its_effect_is_there_exactly_once_after_the_session_moved() =>
        Losses.OfAMovedSessionAsync<Change>((instance, change, _, arrange) => HappensOnceAsync(instance, change, arrange));

    [Theory]
    [MemberData(nameof(All))]
    public Task Of_two_instances_on_one_queue_each_has_its_effect_exactly_once(Change change) => Losses.OfEveryKindAsync(async (loss, markerVersions) =>
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper, markerVersions: markerVersions);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        string[] leases = await PrepareAsync(one, change);
        await two.CommitAsync(new Commit.CommitUnit("/").Check("/", -1));
        Func<Task?, Task> lose = Losses.Arrange(one, loss);

        Task<string>[] calls = [CallAsync(one, change, leases), CallAsync(two, change, leases)];
        await lose(calls[0]);
        string[] answers = await Eventually.CompletesAsync("the calls are answered", Task.WhenAll(calls));

        // What can be done but once, one of them has done. The same request is done once, and both are told of it.
        bool both = change is Change.Extension or Change.FirstSettings or Change.Settings;
        Assert.Equal(both || IsKeyed(change) ? [Done(change), Done(change)] : [Done(change), TooLate(change, leases)], answers.OrderBy(answer => answer != Done(change)));
        await AssertDoneAsync(one, change, times: both ? 2 : 1);
    });

    private static async Task HappensOnceAsync(TestInstance instance, Change change, Func<Func<Task?, Task>> arrange)
    {
        string[] leases = await PrepareAsync(instance, change);
        Func<Task?, Task> lose = arrange();

        Task<string> call = CallAsync(instance, change, leases);
        await lose(null);
        string answer = await Eventually.CompletesAsync("the call is answered", call);

        Assert.Equal(Done(change), answer);
        if (IsKeyed(change))
        {
            Assert.Equal(answer, await CallAsync(instance, change, leases));
        }

        await instance.Direct.SyncAsync("/");
        await AssertDoneAsync(instance, change, times: 1);
    }

    /// <summary>What must be there for the change to be possible, and a shard for the record: the loss shall strike the change itself.</summary>
    private static async Task<string[]> PrepareAsync(TestInstance instance, Change change)
    {
        await instance.Counters.IncrementAsync("other", new IncrementOptions { Key = KeyedCallsTests.Request("k") }, s_never);
        if (change == Change.FirstSettings)
        {
            // The parents of all queues.
            await instance.Queues.SetAsync("other", s_settings, null, s_never);
            return [];
        }

        int maxDeliveries = change is Change.LastNack or Change.Redrive or Change.KeyedRedrive ? 1 : 0;
        await instance.Queues.SetAsync("q", new QueueSettings { MaxDeliveries = maxDeliveries }, null, s_never);
        if (change is Change.Settings or Change.KeyedSettings)
        {
            return [];
        }

        await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
        IReadOnlyList<LeasedMessage> leased = await instance.Queues.DequeueAsync("q", 2, TimeSpan.Zero, s_lease, s_never);
        string[] leases = [.. leased.Select(message => message.LeaseId)];
        if (change is Change.Redrive or Change.KeyedRedrive)
        {
            Assert.Empty(await instance.Queues.NackAsync("q", leases, TimeSpan.Zero, null, s_never));
        }

        return leases;
    }

    private static async Task<string> CallAsync(TestInstance instance, Change change, string[] leases)
    {
        KeyedRequest? key = IsKeyed(change) ? KeyedCallsTests.Request("k", scope: "of this test") : null;
        switch (change)
        {
            case Change.Nack or Change.KeyedNack or Change.LastNack:
                return string.Join(',', await instance.Queues.NackAsync("q", leases, TimeSpan.Zero, key, s_never));
            case Change.Extension or Change.KeyedExtension:
                return string.Join(',', await instance.Queues.ExtendAsync("q", leases, 2 * s_lease, key, s_never));
            case Change.Redrive or Change.KeyedRedrive:
                return $"{await instance.Queues.RedriveAsync("q", 100, key, s_never)}";
            case Change.FirstSettings or Change.Settings or Change.KeyedSettings:
                await instance.Queues.SetAsync("q", s_settings, key, s_never);
                return "";
            default:
                return $"{await instance.Queues.RemoveAsync("q", key, s_never)}";
        }
    }

    /// <summary>The answer to whoever has done it.</summary>
    private static string Done(Change change) => change switch
    {
        Change.Redrive or Change.KeyedRedrive => "2",
        Change.Removal or Change.KeyedRemoval => "True",
        _ => "",
    };

    /// <summary>The answer to whoever found it done by somebody else.</summary>
    private static string TooLate(Change change, string[] leases) => change switch
    {
        Change.Redrive => "0",
        Change.Removal => "False",
        _ => string.Join(',', leases),
    };

    private static async Task AssertDoneAsync(TestInstance instance, Change change, int times)
    {
        if (change is Change.Removal or Change.KeyedRemoval)
        {
            Assert.Null(await instance.Queue.TreeAsync());
            await instance.Queues.SweepAsync(s_never);
            await Eventually.TrueAsync("nothing is left of the queue", async () => (await instance.Direct.GetChildrenAsync("/lockservice/backlogs"))!.Names.Count == 0);
            return;
        }

        QueueTree tree = (await instance.Queue.TreeAsync())!.Value;
        switch (change)
        {
            case Change.FirstSettings or Change.Settings or Change.KeyedSettings:
                NodeData tail = (await instance.Direct.GetDataAsync(tree.Tail))!;
                Assert.Equal(change == Change.FirstSettings ? times - 1 : times, tail.Stat.Version);
                Assert.Equal(s_settings, TailRecord.Parse(tail.Data).Settings);
                break;
            case Change.Extension or Change.KeyedExtension:
                await AssertDeliveriesAsync(instance, tree, times, DeliveryState.Leased, deliveryCount: 1);
                break;
            case Change.LastNack:
                await AssertDeliveriesAsync(instance, tree, times, DeliveryState.Dead, deliveryCount: 1);
                break;
            case Change.Nack or Change.KeyedNack:
                await AssertDeliveriesAsync(instance, tree, times, DeliveryState.Returned, deliveryCount: 1);
                break;
            default:
                // A dead letter before.
                await AssertDeliveriesAsync(instance, tree, 1 + times, DeliveryState.Returned, deliveryCount: 0);
                break;
        }
    }

    /// <summary>Both messages are what they shall be, by their records and by their marks, and those who wait were told once if they are ready.</summary>
    private static async Task AssertDeliveriesAsync(TestInstance instance, QueueTree tree, int version, DeliveryState state, int deliveryCount)
    {
        IReadOnlyList<string> paths = await instance.Queue.PathsAsync(Shelf.Deliveries);
        Assert.Equal(2, paths.Count);
        foreach (NodeData? delivery in await Task.WhenAll(paths.Select(path => instance.Direct.GetDataAsync(path))))
        {
            DeliveryRecord record = DeliveryRecord.Parse(delivery!.Data)!;
            Assert.Equal((version, state, deliveryCount), (delivery.Stat.Version, record.State, record.DeliveryCount));
            Assert.Equal(state == DeliveryState.Leased ? 2 * s_lease.TotalMilliseconds : 0, record.LeaseMs);
        }

        Assert.Equal(state == DeliveryState.Returned ? 2 : 0, await instance.Queue.CountAsync(Shelf.Returned));
        Assert.Equal(state == DeliveryState.Dead ? 2 : 0, await instance.Queue.CountAsync(Shelf.Dead));
        Assert.Equal(state == DeliveryState.Returned ? 1 : 0, (await instance.Direct.ExistsAsync(tree.Returns))!.Value.Version);
    }

    private static bool IsKeyed(Change change) => change.ToString().StartsWith("Keyed", StringComparison.Ordinal);
}
