using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Every kind of change under every kind of loss: whatever is lost, the effect is there exactly once.</summary>
[Collection("zookeeper")]
public sealed class EveryUnitTests(ZooKeeperFixture zookeeper)
{
    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(60);

    public enum Change
    {
        FirstIncrement,
        Increment,
        KeyedIncrement,
        Enqueue,
        KeyedEnqueue,
        FirstDelivery,
        LaterDelivery,
        KeyedDelivery,
        Ack,
        KeyedAck,
    }

    public enum Loss
    {
        Reply,
        Request,
        HalfTheReply,
        ReplyAndSession,
        RequestAndSession,
    }

    public static TheoryData<Change, Loss, bool> All
    {
        get
        {
            var all = new TheoryData<Change, Loss, bool>();
            foreach (Change change in Enum.GetValues<Change>())
            {
                foreach (Loss loss in Enum.GetValues<Loss>())
                {
                    all.Add(change, loss, false);
                    all.Add(change, loss, true);
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task Its_effect_is_there_exactly_once(Change change, Loss loss, bool markerRotates)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, markerVersions: markerRotates ? 1 : 1 << 30);
        string[] prepared = await PrepareAsync(instance, change);
        Func<Task?, Task> lose = Arrange(instance, loss);

        Task<string> call = CallAsync(instance, change, prepared);
        await lose(null);
        string answer = await Eventually.CompletesAsync("the call is answered", call);

        await AssertOnceAsync(instance, change, answer, times: 1);
    }

    [Theory]
    [MemberData(nameof(All))]
    public async Task Of_two_instances_on_one_resource_each_has_its_effect_exactly_once(Change change, Loss loss, bool markerRotates)
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper, markerVersions: markerRotates ? 1 : 1 << 30);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        string[] prepared = await PrepareAsync(one, change);
        await two.CommitAsync(new Commit.CommitUnit("/").Check("/", -1));
        Func<Task?, Task> lose = Arrange(one, loss);

        Task<string>[] calls = [CallAsync(one, change, prepared), CallAsync(two, change, prepared)];
        await lose(calls[0]);
        string[] answers = await Eventually.CompletesAsync("the calls are answered", Task.WhenAll(calls));

        bool sameRequest = change is Change.KeyedIncrement or Change.KeyedEnqueue or Change.KeyedDelivery or Change.KeyedAck;
        if (sameRequest)
        {
            Assert.Equal(answers[0], answers[1]);
        }
        else
        {
            Assert.NotEqual(answers[0], answers[1]);
        }

        await AssertOnceAsync(one, change, answers.Min(StringComparer.Ordinal)!, times: sameRequest ? 1 : 2);
    }

    /// <summary>Both what was done and what was not, when the session goes on with another server.</summary>
    [Fact]
    public async Task Its_effect_is_there_exactly_once_after_the_session_moved()
    {
        await using ZooKeeperEnsemble ensemble = await ZooKeeperEnsemble.StartNewAsync();
        IReadOnlyList<ZooKeeperServer> servers = ensemble.Servers;
        await using var root = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(ensemble.ConnectString) });
        int turn = 0;
        foreach (Change change in Enum.GetValues<Change>())
        {
            foreach (Loss loss in (Loss[])[Loss.Reply, Loss.Request])
            {
                string chroot = $"/test-{turn++}";
                await root.CreateAsync(chroot);
                await using TestInstance instance = await TestInstance.StartAsync(servers[turn % 3], chroot);
                string[] prepared = await PrepareAsync(instance, change);
                Func<Task?, Task> lose = Arrange(instance, loss);
                instance.Proxy.Refuse();

                Task<string> call = CallAsync(instance, change, prepared);
                await lose(null);
                instance.Proxy.Retarget(servers[(turn + 1) % 3].Port);
                instance.Proxy.Admit();
                string answer = await Eventually.CompletesAsync($"{change} is answered after {loss}", call);

                await instance.Direct.SyncAsync("/");
                await AssertOnceAsync(instance, change, answer, times: 1);
            }
        }
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
            case Change.FirstDelivery or Change.LaterDelivery or Change.KeyedDelivery or Change.Ack or Change.KeyedAck:
                await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), s_never);
                break;
            default:
                return [];
        }

        if (change is Change.FirstDelivery or Change.KeyedDelivery)
        {
            // The deliveries' directory.
            await instance.Direct.CreateAsync("/lockservice/queues/q/deliveries", default, CreateMode.Container);
            return [];
        }

        TimeSpan lease = change == Change.LaterDelivery ? TimeSpan.FromMilliseconds(500) : s_lease;
        IReadOnlyList<LeasedMessage> leased = await instance.Queues.DequeueAsync("q", 2, TimeSpan.Zero, lease, s_never);
        if (change == Change.LaterDelivery)
        {
            await Eventually.TrueAsync("the leases have ended", async () => await AvailableAsync(instance) == 2);
        }

        return [.. leased.Select(message => message.LeaseId)];
    }

    private static async Task<string> CallAsync(TestInstance instance, Change change, string[] leases)
    {
        KeyedRequest? key = change.ToString().StartsWith("Keyed", StringComparison.Ordinal) ? KeyedCallsTests.Request("k", scope: "of this test") : null;
        switch (change)
        {
            case Change.FirstIncrement or Change.Increment or Change.KeyedIncrement:
                return $"{(await instance.Counters.IncrementAsync("c", new IncrementOptions { Key = key }, s_never)).Value}";
            case Change.Enqueue or Change.KeyedEnqueue:
                return string.Join(',', await instance.Queues.EnqueueAsync("q", QueueTests.Bodies(1, 2), key, s_never));
            case Change.FirstDelivery or Change.LaterDelivery or Change.KeyedDelivery:
                IReadOnlyList<LeasedMessage> messages = await instance.Queues.DequeueAsync("q", 1, TimeSpan.Zero, s_lease, key, s_never);
                LeasedMessage only = Assert.Single(messages);
                Assert.Equal(change == Change.LaterDelivery ? 2 : 1, only.DeliveryCount);
                return only.LeaseId;
            default:
                return $"lost {string.Join(',', await instance.Queues.AckAsync("q", leases, key, s_never))}";
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
            case Change.Enqueue or Change.KeyedEnqueue:
                Assert.Equal(2 * times, (await instance.Direct.GetChildrenAsync("/lockservice/queues/q/messages"))!.Names.Count);
                break;
            case Change.FirstDelivery or Change.LaterDelivery or Change.KeyedDelivery:
                IReadOnlyList<string> deliveries = (await instance.Direct.GetChildrenAsync("/lockservice/queues/q/deliveries"))!.Names;
                Assert.Equal(change == Change.LaterDelivery ? 2 : times, deliveries.Count);
                Assert.Equal(change == Change.LaterDelivery ? 2 - times : 0, await AvailableAsync(instance));
                break;
            default:
                Assert.Equal("lost ", answer);
                Assert.Empty((await instance.Direct.GetChildrenAsync("/lockservice/queues/q/messages"))?.Names ?? []);
                Assert.Empty((await instance.Direct.GetChildrenAsync("/lockservice/queues/q/deliveries"))?.Names ?? []);
                break;
        }
    }

    private static async Task<int> AvailableAsync(TestInstance instance)
    {
        IReadOnlyList<string> names = (await instance.Direct.GetChildrenAsync("/lockservice/queues/q/deliveries"))!.Names;
        string?[] texts = await Task.WhenAll(names.Select(name => instance.TextAsync($"/lockservice/queues/q/deliveries/{name}")));
        return texts.Count(text => text!.Contains("\"available\":true", StringComparison.Ordinal));
    }

    /// <summary>Sets the fault up for the next change.</summary>
    /// <returns>
    /// What completes the loss, given a call that may be answered without a change, since the other instance was faster; null if it must
    /// strike.
    /// </returns>
    private static Func<Task?, Task> Arrange(TestInstance instance, Loss loss)
    {
        ZooKeeperProxy proxy = instance.Proxy;
        Task struck = loss switch
        {
            Loss.HalfTheReply => proxy.ResetInMidReply(RequestKind.Multi),
            Loss.Request or Loss.RequestAndSession => proxy.CutBeforeForwarding(RequestKind.Multi),
            _ => proxy.DropNextReply(RequestKind.Multi),
        };
        bool sessionToo = loss is Loss.ReplyAndSession or Loss.RequestAndSession;
        if (sessionToo)
        {
            proxy.Refuse();
        }

        return async call =>
        {
            await Eventually.CompletesAsync("the fault has struck", call is null ? struck : Task.WhenAny(struck, call));
            if (sessionToo && struck.IsCompleted)
            {
                await instance.KillSessionAsync();
            }

            if (sessionToo)
            {
                proxy.Admit();
            }
        };
    }
}
