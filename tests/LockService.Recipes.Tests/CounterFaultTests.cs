using System.Globalization;
using LockService.Recipes.Commit;
using LockService.Recipes.Counting;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class CounterFaultTests(ZooKeeperFixture zookeeper)
{
    private const string Path = "/lockservice/counters/c";

    private static readonly CancellationToken s_never = CancellationToken.None;

    [Fact]
    public async Task An_increment_whose_reply_was_lost_counts_once()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);

        IncrementResult result = await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);

        Assert.Equal(2, result.Value);
        Assert.Equal("2", await instance.TextAsync(Path));
        Assert.True(dropped.IsCompleted);
    }

    [Fact]
    public async Task The_creating_increment_whose_reply_was_lost_counts_once()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("other", new IncrementOptions(), s_never);
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);

        IncrementResult result = await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);

        Assert.Equal(new IncrementResult(1, 0, InRange: true), result);
        Assert.Equal("1", await instance.TextAsync(Path));
        Assert.True(dropped.IsCompleted);
    }

    [Fact]
    public async Task An_increment_that_was_cut_off_counts_once()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
        Task cut = instance.Proxy.CutBeforeForwarding(RequestKind.Multi);

        Assert.Equal(2, (await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never)).Value);
        Assert.Equal("2", await instance.TextAsync(Path));
        Assert.True(cut.IsCompleted);
    }

    [Fact]
    public async Task Without_ZooKeeper_an_increment_fails_within_its_deadline_and_never_happens()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: TimeSpan.FromMilliseconds(1500));
        await Eventually.TrueAsync("the counter is there", () => TryIncrementAsync(instance));
        string? before = await instance.TextAsync(Path);
        instance.Proxy.Refuse();
        instance.Proxy.Cut();
        await Eventually.TrueAsync("it is disconnected", () => instance.Sessions.Current.Status.State != SessionState.Connected);

        await Assert.ThrowsAsync<StoreUnavailableException>(() => instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));

        instance.Proxy.Admit();
        await Eventually.TrueAsync("it works again", () => TryIncrementAsync(instance));
        Assert.Equal($"{int.Parse(before!, System.Globalization.CultureInfo.InvariantCulture) + 1}", await instance.TextAsync(Path));
    }

    [Fact]
    public async Task No_increment_of_two_instances_is_lost_or_doubled_over_random_losses()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        TestInstance[] instances = [one, two];

        int answered = 0;
        using var enough = new CancellationTokenSource();
        Task<List<IncrementResult>>[] workers =
            [.. Enumerable.Range(0, 32).Select(i => IncrementManyAsync(instances[i % 2], () => Interlocked.Increment(ref answered), enough.Token))];
        Task done = Task.WhenAll(workers);
        for (int i = 0; i < 20 && !done.IsCompleted; i++)
        {
            TestInstance victim = instances[random.Next(2)];
            Task struck = random.Next(4) switch
            {
                0 => victim.Proxy.DropNextReply(RequestKind.Multi),
                1 => victim.Proxy.CutBeforeForwarding(RequestKind.Multi),
                2 => victim.Proxy.ResetInMidReply(RequestKind.Multi),
                _ => victim.Proxy.DropNextReply(RequestKind.Any),
            };
            await Eventually.CompletesAsync($"the fault strikes (seed {seed})", Task.WhenAny(struck, done));
            // A fault that strikes before anything was answered would hit the same change again, until its deadline.
            int before = Volatile.Read(ref answered);
            await Eventually.TrueAsync("the increments go on", () => done.IsCompleted || Volatile.Read(ref answered) > before + 32);
        }

        await enough.CancelAsync();
        await Eventually.CompletesAsync($"all increments are answered (seed {seed})", done, TimeSpan.FromMinutes(2));
        long[] values = [.. (await Task.WhenAll(workers)).SelectMany(results => results).Select(result => result.Value)];
        Assert.Equal(Enumerable.Range(1, values.Length).Select(value => (long)value), values.Order());
        Assert.Equal(values.Length.ToString(CultureInfo.InvariantCulture), await one.TextAsync(Path));
    }

    [Fact]
    public async Task An_increment_survives_the_end_of_the_session()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);
        instance.Proxy.Refuse();
        Task<IncrementResult> increment = instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
        await dropped;
        await instance.KillSessionAsync();
        instance.Proxy.Admit();

        Assert.Equal(2, (await Eventually.CompletesAsync("the increment is answered", increment)).Value);
        Assert.Equal("2", await instance.TextAsync(Path));
    }

    [Theory]
    [InlineData(RequestKind.Multi, false)]
    [InlineData(RequestKind.Multi, true)]
    public async Task A_setting_whose_reply_was_lost_happens_once(RequestKind kind, bool beforeForwarding)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        CounterState first = (await instance.Counters.SetAsync("c", 1, CounterCondition.None, s_never))!;
        Task struck = beforeForwarding ? instance.Proxy.CutBeforeForwarding(kind) : instance.Proxy.DropNextReply(kind);

        // Carried out twice it would not find its condition the second time.
        CounterState? set = await instance.Counters.SetAsync("c", 2, new CounterCondition(true, [first.Version]), s_never);

        Assert.Equal(await instance.Counters.GetAsync("c", s_never), set);
        Assert.Equal(1, (await instance.Direct.ExistsAsync(Path))?.Version);
        Assert.True(struck.IsCompleted);
    }

    [Fact]
    public async Task A_removal_whose_reply_was_lost_is_told_as_done()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.SetAsync("c", 1, CounterCondition.None, s_never);
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);

        Assert.Equal(RemoveResult.Removed, await instance.Counters.RemoveAsync("c", CounterCondition.None, s_never));

        Assert.Equal(1, (await instance.Direct.ExistsAsync(Path))?.Version);
        Assert.True(dropped.IsCompleted);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_removal_and_a_setting_survive_the_end_of_the_session(bool removal)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using TestInstance other = await TestInstance.StartAsync(zookeeper, instance.Chroot);
        CounterState first = (await instance.Counters.SetAsync("c", 1, CounterCondition.None, s_never))!;
        var condition = new CounterCondition(true, [first.Version]);
        Task dropped = instance.Proxy.DropNextReply(RequestKind.Multi);
        instance.Proxy.Refuse();
        Task change = removal ? instance.Counters.RemoveAsync("c", condition, s_never) : instance.Counters.SetAsync("c", 2, condition, s_never);
        await dropped;
        // While it does not know yet, another instance goes on from what it did.
        IncrementResult next = await other.Counters.IncrementAsync("c", new IncrementOptions { By = 10 }, s_never);
        await instance.KillSessionAsync();
        instance.Proxy.Admit();
        await Eventually.CompletesAsync("the change is answered", change);

        bool done = change is Task<RemoveResult> removed ? await removed == RemoveResult.Removed : await (Task<CounterState?>)change is { Value: 2 };
        Assert.True(done);
        Assert.Equal(removal ? 0 : 2, next.Previous);
        Assert.Equal($"{next.Value}", await instance.TextAsync(Path));
    }

    [Fact]
    public void The_version_that_means_any_version_is_never_expected_and_never_reached()
    {
        var last = new CounterNode(7, -2, 100, 1_000);
        CommitResult written = new(ErrorCode.Ok, -1, 101, []) { CommittedAtMs = 1_001 };

        CommitUnit change = last.ChangeTo(8, Path);

        Assert.Equal(new UnitOperation.Delete(Path, -2), change.Operations[0]);
        Assert.IsType<UnitOperation.Create>(change.Operations[1]);
        Assert.Equal(new CounterNode(8, 0, 101, 1_001), last.After(8, written));
        Assert.Equal(int.MinValue, new CounterNode(7, int.MaxValue, 100, 1_000).After(8, written).Version);
    }

    private static async Task<List<IncrementResult>> IncrementManyAsync(TestInstance instance, Action answered, CancellationToken enough)
    {
        var results = new List<IncrementResult>();
        while (!enough.IsCancellationRequested)
        {
            results.Add(await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
            answered();
        }

        return results;
    }

    private static async Task<bool> TryIncrementAsync(TestInstance instance)
    {
        try
        {
            await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
            return true;
        }
        catch (StoreUnavailableException)
        {
            return false;
        }
    }
}
