using LockService.Recipes.Counting;
using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Setting and removing counters, and what removal leaves behind.</summary>
[Collection("another zookeeper")]
public sealed class CounterRemovalTests(ZooKeeperFixture zookeeper)
{
    private const string Path = "/lockservice/counters/c";

    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly CounterCondition s_mustExist = new(Exists: true);
    private static readonly CounterCondition s_mustNotExist = new(Exists: false);

    [Fact]
    public async Task A_counter_is_set_and_read_as_the_answer_says()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        CounterState? set = await SetAsync(instance, 5);

        Assert.Equal(set, await instance.Counters.GetAsync("c", s_never));
        Assert.Equal("5", await instance.TextAsync(Path));
        CounterState? again = await SetAsync(instance, long.MinValue);
        Assert.True(again!.Version > set!.Version);
        Assert.Equal(again, await instance.Counters.GetAsync("c", s_never));
    }

    [Fact]
    public async Task A_removed_counter_is_no_counter_and_its_version_goes_on()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        CounterState? before = await SetAsync(instance, 5);

        Assert.Equal(RemoveResult.Removed, await RemoveAsync(instance));

        Assert.Null(await instance.Counters.GetAsync("c", s_never));
        Assert.Empty((await instance.Counters.ListAsync("", "", 10, s_never)).Items);
        Assert.Equal(RemoveResult.NotFound, await RemoveAsync(instance));
        Assert.Equal(new IncrementResult(8, 7, InRange: true), await instance.Counters.IncrementAsync("c", new IncrementOptions { Initial = 7 }, s_never));
        Assert.True((await instance.Counters.GetAsync("c", s_never))!.Version > before!.Version);
        Assert.Equal(2, (await instance.Direct.ExistsAsync(Path))?.Version);
    }

    [Fact]
    public async Task A_change_on_a_version_from_before_a_removal_builds_on_what_came_after()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        for (int i = 0; i < 3; i++)
        {
            await one.Counters.IncrementAsync("c", new IncrementOptions { By = 10 }, s_never);
        }

        // As many changes as the first instance has seen: a node made again would be at the version that it knows.
        await RemoveAsync(two);
        for (int i = 0; i < 3; i++)
        {
            await SetAsync(two, 5);
        }

        Assert.Equal(new IncrementResult(6, 5, InRange: true), await one.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
    }

    [Fact]
    public async Task Conditions_hold_for_the_present_state_alone()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        Assert.Null(await SetAsync(instance, 1, s_mustExist));
        Assert.Null(await SetAsync(instance, 1, new CounterCondition(true, [1])));
        CounterState first = (await SetAsync(instance, 1, s_mustNotExist))!;
        Assert.Null(await SetAsync(instance, 2, s_mustNotExist));
        CounterState second = (await SetAsync(instance, 2, new CounterCondition(true, [7, first.Version])))!;

        Assert.Null(await SetAsync(instance, 3, new CounterCondition(true, [first.Version])));
        Assert.Equal(RemoveResult.ConditionFailed, await RemoveAsync(instance, new CounterCondition(true, [first.Version])));
        Assert.Equal(second, await instance.Counters.GetAsync("c", s_never));

        Assert.Equal(RemoveResult.Removed, await RemoveAsync(instance, new CounterCondition(true, [second.Version])));
        Assert.Equal(RemoveResult.NotFound, await RemoveAsync(instance, new CounterCondition(true, [second.Version])));
        Assert.NotNull(await SetAsync(instance, 4, s_mustNotExist));
    }

    [Fact]
    public async Task A_condition_reflects_what_another_instance_did_before()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        CounterState first = (await SetAsync(one, 1))!;
        CounterState second = (await SetAsync(two, 2))!;

        Assert.Null(await SetAsync(one, 3, new CounterCondition(true, [first.Version])));
        Assert.NotNull(await SetAsync(one, 3, new CounterCondition(true, [second.Version])));
    }

    [Fact]
    public async Task Of_many_who_set_on_the_same_version_one_succeeds()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        var condition = new CounterCondition(true, [(await SetAsync(one, 0))!.Version]);

        CounterState?[] answers = await Task.WhenAll(Enumerable.Range(1, 40).Select(i => SetAsync(i % 2 == 0 ? one : two, i, condition)));

        CounterState winner = Assert.Single(answers.OfType<CounterState>());
        Assert.Equal(winner, await one.Counters.GetAsync("c", s_never));
    }

    [Fact]
    public async Task Changes_that_arrive_together_have_versions_of_their_own()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        List<Task<CounterState?>> sets = [];
        List<Task<IncrementResult>> increments = [];
        for (int i = 0; i < 50; i++)
        {
            sets.Add(SetAsync(instance, i * 10));
            increments.Add(instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
        }

        long[] versions = [.. (await Task.WhenAll(sets)).Select(state => state!.Version)];
        IncrementResult[] results = await Task.WhenAll(increments);
        Assert.Equal(versions.Distinct().Order(), versions);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (i * 10) + 1L), results.Select(result => result.Value));
    }

    [Fact]
    public async Task A_list_has_the_counters_among_the_nodes_page_by_page()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        foreach (string name in new[] { "b:2", "a", "b:10", "b", "removed", "c" })
        {
            await instance.Counters.SetAsync(name, 1, CounterCondition.None, s_never);
        }

        await instance.Counters.RemoveAsync("removed", CounterCondition.None, s_never);
        await instance.Direct.CreateAsync("/lockservice/counters/b:no number", "1"u8.ToArray());
        await instance.Direct.CreateAsync("/lockservice/counters/b:word", "one"u8.ToArray());
        await instance.Direct.CreateAsync("/lockservice/counters/b:parent", "1"u8.ToArray());
        await instance.Direct.CreateAsync("/lockservice/counters/b:parent/child");

        CounterPage all = await instance.Counters.ListAsync("", "", 1_000, s_never);
        CounterPage first = await instance.Counters.ListAsync("b", "", 2, s_never);
        CounterPage second = await instance.Counters.ListAsync("b", first.Next!, 2, s_never);

        Assert.Equal(["a", "b", "b:10", "b:2", "c"], all.Items.Select(item => item.Name));
        Assert.Null(all.Next);
        Assert.Equal(await instance.Counters.GetAsync("a", s_never), all.Items[0]);
        Assert.Equal(["b", "b:10"], first.Items.Select(item => item.Name));
        Assert.Equal("b:10", first.Next);
        Assert.Equal(["b:2"], second.Items.Select(item => item.Name));
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task Without_any_counter_the_list_is_empty()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        Assert.Empty((await instance.Counters.ListAsync("", "", 1, s_never)).Items);
    }

    [Fact]
    public async Task A_node_with_children_is_somebody_elses_and_left_alone()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("other", new IncrementOptions(), s_never);
        await instance.Direct.CreateAsync(Path, "1"u8.ToArray());
        await instance.Direct.CreateAsync($"{Path}/child");

        await Assert.ThrowsAsync<WrongKindException>(() => instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
        await Assert.ThrowsAsync<WrongKindException>(() => instance.Counters.GetAsync("c", s_never));
        await Assert.ThrowsAsync<WrongKindException>(() => SetAsync(instance, 2));
        await Assert.ThrowsAsync<WrongKindException>(() => RemoveAsync(instance));
        Assert.Equal("1", await instance.TextAsync(Path));
    }

    [Fact]
    public async Task A_tombstone_is_swept_once_it_was_seen_unchanged_for_ten_minutes()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        var clock = new MovableClock();
        Tombstones sweeper = Sweeper(instance, clock);
        await SetAsync(instance, 1);
        await RemoveAsync(instance);
        await SweepForAsync(sweeper, clock, Tombstones.Kept - TimeSpan.FromMinutes(1));
        Assert.NotNull(await instance.Direct.ExistsAsync(Path));

        await SetAsync(instance, 2);
        await RemoveAsync(instance);
        await SweepForAsync(sweeper, clock, Tombstones.Kept - TimeSpan.FromMinutes(1));
        Assert.NotNull(await instance.Direct.ExistsAsync(Path));
        await SweepForAsync(sweeper, clock, TimeSpan.FromMinutes(2));

        Assert.Null(await instance.Direct.ExistsAsync(Path));
        Assert.Equal(1, (await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never)).Value);
    }

    [Fact]
    public async Task A_sweeper_that_paused_begins_to_count_again()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        var clock = new MovableClock();
        Tombstones sweeper = Sweeper(instance, clock);
        await SetAsync(instance, 1);
        await RemoveAsync(instance);
        await sweeper.SweepAsync(s_never);
        clock.Move(Tombstones.Kept * 2);

        await sweeper.SweepAsync(s_never);

        Assert.NotNull(await instance.Direct.ExistsAsync(Path));
    }

    [Fact]
    public async Task Counters_and_what_kazoo_made_but_never_counted_are_not_swept()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        var clock = new MovableClock();
        await SetAsync(instance, 1);
        await instance.Direct.CreateAsync("/lockservice/counters/kazoo");

        await SweepForAsync(Sweeper(instance, clock), clock, Tombstones.Kept * 2);

        Assert.NotNull(await instance.Direct.ExistsAsync(Path));
        Assert.NotNull(await instance.Direct.ExistsAsync("/lockservice/counters/kazoo"));
    }

    [Fact]
    public async Task An_instance_that_shuts_down_changes_nothing_any_more()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await SetAsync(instance, 1);
        await instance.Draining.CancelAsync();

        await Assert.ThrowsAsync<DrainingException>(() => instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
        await Assert.ThrowsAsync<DrainingException>(() => SetAsync(instance, 2));
        await Assert.ThrowsAsync<DrainingException>(() => RemoveAsync(instance));
        Assert.Equal("1", await instance.TextAsync(Path));
    }

    private static Task<CounterState?> SetAsync(TestInstance instance, long value, CounterCondition? condition = null) =>
        instance.Counters.SetAsync("c", value, condition ?? CounterCondition.None, s_never);

    private static Task<RemoveResult> RemoveAsync(TestInstance instance, CounterCondition? condition = null) =>
        instance.Counters.RemoveAsync("c", condition ?? CounterCondition.None, s_never);

    private static Tombstones Sweeper(TestInstance instance, TimeProvider clock) =>
        new("/lockservice/counters", instance.Store, instance.Options, clock);

    /// <summary>Sweeps every minute, the first and the last one included.</summary>
    private static async Task SweepForAsync(Tombstones sweeper, MovableClock clock, TimeSpan time)
    {
        await sweeper.SweepAsync(s_never);
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromMinutes(1))
        {
            clock.Move(TimeSpan.FromMinutes(1));
            await sweeper.SweepAsync(s_never);
        }
    }

    private sealed class MovableClock : TimeProvider
    {
        private long _moved;

        public override long GetTimestamp() => base.GetTimestamp() + _moved;

        internal void Move(TimeSpan time) => _moved += (long)(time.TotalSeconds * TimestampFrequency);
    }
}
