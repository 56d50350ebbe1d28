using System.Globalization;
using LockService.Recipes.Queueing;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Every kind of change under every kind of loss: whatever is lost, the effect is there exactly once.</summary>
[Collection("another zookeeper")]
public sealed class EveryUnitTests(ZooKeeperFixture zookeeper)
{
    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(60);

    public enum Change
    {
        FirstIncrement,
        Increment,
        KeyedIncrement,
        Setting,
        KeyedSetting,
        Removal,
        KeyedRemoval,
        Enqueue,
        KeyedEnqueue,
        FirstDelivery,
        LaterDelivery,
        KeyedDelivery,
        Ack,
        KeyedAck,
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
    public Task Of_two_instances_on_one_resource_each_has_its_effect_exactly_once(Change change) => Losses.OfEveryKindAsync(async (loss, markerVersions) =>
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper, markerVersions: markerVersions);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        string[] prepared = await PrepareAsync(one, change);
        await two.CommitAsync(new Commit.CommitUnit("/").Check("/", -1));
        Func<Task?, Task> lose = Losses.Arrange(one, loss);

        Task<string>[] calls = [CallAsync(one, change, prepared), CallAsync(two, change, prepared)];
        await lose(calls[0]);
        string[] answers = await Eventually.CompletesAsync("the calls are answered", Task.WhenAll(calls));

        bool sameRequest = IsKeyed(change);
        if (sameRequest)
        {
            Assert.Equal(answers[0], answers[1]);
        }
        else
        {
            Assert.NotEqual(answers[0], answers[1]);
        }

        await AssertOnceAsync(one, change, answers.Min(StringComparer.Ordinal)!, times: sameRequest ? 1 : 2);
    });

    private static async Task HappensOnceAsync(TestInstance instance, Change change, Func<Func<Task?, Task>> arrange)
    {
        string[] prepared = await PrepareAsync(instance, change);
        Func<Task?, Task> lose = arrange();

        Task<string> call = CallAsync(instance, change, prepared);
        await lose(null);
        string answer = await Eventually.CompletesAsync("the call is answered", call);

        await instance.Direct.SyncAsync("/");
        await AssertOnceAsync(instance, change, answer, times: 1);
    }

    /// <summary>What must be there for the change to be possible, and a shard for the record: the loss shall strike the change itself.</summary>
    private static async Task<string[]> PrepareAsync(TestInstance instance, Change change)
    {
        await instance.Counters.IncrementAsync("other", new IncrementOptions { Key = KeyedCallsTests.Request("k") }, s_never);
        switch (change)
        {
            case Change.Increment or Change.KeyedIncrement:
                await instance.Counters.IncrementAsync("c", new IncrementOptions { By = 0 }, s_never);
                return [];
            case Change.Setting or Change.KeyedSetting or Change.Removal or Change.KeyedRemoval:
                return [$"{(await instance.Counters.SetAsync("c", 1, CounterCondition.None, s_never))!.Version}"];
            case Change.FirstDelivery or Change.LaterDelivery or Change.KeyedDelivery or Change.Ack or Change.KeyedAck:
                await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
                break;
            default:
                return [];
        }

        if (change is Change.FirstDelivery or Change.KeyedDelivery)
        {
            // The deliveries' segment.
            await instance.Direct.CreateAsync($"{(await instance.Queue.TreeAsync())!.Value.Shelf(Shelf.Deliveries)}/0-0", default, CreateMode.Persistent);
            return [];
        }

        TimeSpan lease = change == Change.LaterDelivery ? TimeSpan.FromMilliseconds(500) : s_lease;
        IReadOnlyList<LeasedMessage> leased = await instance.Queues.DequeueAsync("q", 2, TimeSpan.Zero, lease, s_never);
        if (change == Change.LaterDelivery)
        {
            await Eventually.TrueAsync("the leases have ended", async () => await instance.Queue.CountAsync(Shelf.Returned) == 2);
        }

        return [.. leased.Select(message => message.LeaseId)];
    }

    private static async Task<string> CallAsync(TestInstance instance, Change change, string[] prepared)
    {
        KeyedRequest? key = IsKeyed(change) ? KeyedCallsTests.Request("k", scope: "of this test") : null;
        switch (change)
        {
            case Change.FirstIncrement or Change.Increment or Change.KeyedIncrement:
                return $"{(await instance.Counters.IncrementAsync("c", new IncrementOptions { Key = key }, s_never)).Value}";
            case Change.Setting or Change.KeyedSetting:
                // Carried out twice it would not find its condition the second time.
                return await instance.Counters.SetAsync("c", 2, Unchanged(prepared), key, s_never) is { } set ? $"2 at {set.Version}" : "refused";
            case Change.Removal or Change.KeyedRemoval:
                return await instance.Counters.RemoveAsync("c", Unchanged(prepared), key, s_never) == RemoveResult.Removed ? "done" : "refused";
            case Change.Enqueue or Change.KeyedEnqueue:
                return string.Join(',', await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), key, s_never));
            case Change.FirstDelivery or Change.LaterDelivery or Change.KeyedDelivery:
                IReadOnlyList<LeasedMessage> messages = await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, key, s_never);
                LeasedMessage only = Assert.Single(messages);
                Assert.Equal(change == Change.LaterDelivery ? 2 : 1, only.DeliveryCount);
                return only.LeaseId;
            default:
                return $"lost {string.Join(',', await instance.Queues.AckAsync("q", prepared, key, s_never))}";
        }
    }

    private static async Task AssertOnceAsync(TestInstance instance, Change change, string answer, int times)
    {
        switch (change)
        {
            case Change.FirstIncrement or Change.Increment or Change.KeyedIncrement:
                Assert.Equal("1", answer);
                Assert.Equal($"{times}", await instance.TextAsync("/lockservice/counters/c"));
                break;
            case Change.Setting or Change.KeyedSetting or Change.Removal or Change.KeyedRemoval:
                NodeData counter = (await instance.Direct.GetDataAsync("/lockservice/counters/c"))!;
                bool isSet = change is Change.Setting or Change.KeyedSetting;
                Assert.Equal(1, counter.Stat.Version);
                Assert.Equal(isSet ? "2" : "", System.Text.Encoding.ASCII.GetString(counter.Data.Span));
                Assert.Equal(isSet ? $"2 at {counter.Stat.ModifiedZxid}" : "done", answer);
                break;
            case Change.Enqueue or Change.KeyedEnqueue:
                Assert.Equal(2 * times, await instance.Queue.CountAsync(Shelf.Messages));
                break;
            case Change.FirstDelivery or Change.LaterDelivery or Change.KeyedDelivery:
                Assert.Equal(change == Change.LaterDelivery ? 2 : times, await instance.Queue.CountAsync(Shelf.Deliveries));
                Assert.Equal(change == Change.LaterDelivery ? 2 - times : 0, await AvailableAsync(instance));
                break;
            default:
                Assert.Equal("lost ", answer);
                Assert.Empty(await instance.Queue.PathsAsync(Shelf.Messages));
                Assert.Empty(await instance.Queue.PathsAsync(Shelf.Deliveries));
                break;
        }
    }

    private static CounterCondition Unchanged(string[] prepared) => new(true, [long.Parse(prepared[0], CultureInfo.InvariantCulture)]);

    /// <summary>How many messages are back, by their records and by their marks alike.</summary>
    private static async Task<int> AvailableAsync(TestInstance instance)
    {
        IReadOnlyList<string> marked = await instance.Queue.PathsAsync(Shelf.Returned);
        string?[] texts = await Task.WhenAll((await instance.Queue.PathsAsync(Shelf.Deliveries)).Select(instance.TextAsync));
        int returned = texts.Count(text => text!.Contains("\"state\":\"Returned\"", StringComparison.Ordinal));
        Assert.Equal(returned, marked.Count);
        return returned;
    }

    private static bool IsKeyed(Change change) => change.ToString().StartsWith("Keyed", StringComparison.Ordinal);
}
