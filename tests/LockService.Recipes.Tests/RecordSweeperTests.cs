using LockService.Recipes.Idempotency;
using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Xunit.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>Records of keyed requests are removed by observed age, and not a moment earlier.</summary>
[Collection("another zookeeper")]
public sealed class RecordSweeperTests(ZooKeeperFixture zookeeper, ITestOutputHelper output)
{
    private const string Records = "/lockservice/idempotency";

    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly TimeSpan s_retention = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(1);

    private readonly ManualClock _clock = new();

    [Fact]
    public async Task A_record_is_kept_for_the_retention_and_removed_soon_after()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using RecordSweeper sweeper = NewSweeper(instance);
        await sweeper.SweepAsync(TimeSpan.Zero, s_never);
        await IncrementAsync(instance, "k");

        await PassAsync(sweeper, s_retention - s_moment);
        Assert.Equal(1, await CountAsync(instance));

        await PassAsync(sweeper, (s_retention / 16) + s_moment);
        Assert.Equal(0, await CountAsync(instance));
        Assert.Equal(2, (await IncrementAsync(instance, "k")).Value);
    }

    [Fact]
    public async Task E5_jumps_of_wall_clocks_remove_nothing()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using RecordSweeper sweeper = NewSweeper(instance);
        await sweeper.SweepAsync(TimeSpan.Zero, s_never);
        await IncrementAsync(instance, "k");

        foreach (int hours in (int[])[1, -2, 48, -100])
        {
            _clock.SetWall(TimeSpan.FromHours(hours));
            await PassAsync(sweeper, s_retention / 5);
        }

        Assert.Equal(1, await CountAsync(instance));
        Assert.Equal(1, (await IncrementAsync(instance, "k")).Value);
    }

    [Fact]
    public async Task A_new_sweeper_begins_to_count_anew_and_ends_the_work_of_the_one_before()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using RecordSweeper first = NewSweeper(instance);
        await using RecordSweeper second = NewSweeper(instance);
        await first.SweepAsync(TimeSpan.Zero, s_never);
        await IncrementAsync(instance, "k");
        await PassAsync(first, s_retention - s_moment);

        Assert.True(await second.SweepAsync(TimeSpan.Zero, s_never));
        _clock.Advance(s_retention / 2);

        Assert.False(await first.SweepAsync(TimeSpan.Zero, s_never), "the first one goes on removing");
        Assert.True(await second.SweepAsync(TimeSpan.Zero, s_never));
        Assert.Equal(1, await CountAsync(instance));
    }

    [Fact]
    public async Task The_marker_of_a_vanished_instance_is_removed_when_it_is_old_and_others_are_kept()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using RecordSweeper sweeper = NewSweeper(instance);
        await sweeper.SweepAsync(TimeSpan.Zero, s_never);
        await instance.Direct.CreateAsync("/lockservice/instances");
        await instance.Direct.CreateAsync("/lockservice/instances/alive");
        await instance.Direct.CreateAsync("/lockservice/commit/alive-0.0");
        await instance.Direct.CreateAsync("/lockservice/commit/vanished-0.3");
        await instance.Direct.CreateAsync("/lockservice/commit/active-0.0");

        await PassAsync(sweeper, s_retention - s_moment);
        Assert.Contains("vanished-0.3", await MarkersAsync(instance));
        await instance.Direct.SetDataAsync("/lockservice/commit/active-0.0", default, -1);
        await PassAsync(sweeper, s_retention / 8);

        Assert.Equal(["active-0.0", "alive-0.0"], (await MarkersAsync(instance)).Where(name => !name.StartsWith("test", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task An_elected_instance_sweeps_by_itself()
    {
        await using Instances instances = await Instances.OnAsync(zookeeper);
        Coordination instance = instances.Start(change: options => options with
        {
            IdempotencyRetention = TimeSpan.FromSeconds(1),
            IdempotencySweepInterval = TimeSpan.FromSeconds(1),
        });
        await instance.Counters.IncrementAsync("c", new IncrementOptions { Key = KeyedCallsTests.Request("k") }, s_never);

        await Eventually.TrueAsync("the record is gone", async () => await CountAsync(instances.Observer) == 0);

        await instance.Counters.IncrementAsync("c", new IncrementOptions { Key = KeyedCallsTests.Request("k") }, s_never);
        Assert.Equal(2, (await instance.Counters.GetAsync("c", s_never))!.Value);
    }

    /// <summary>E6. 600,000 with LOCKSERVICE_LONG=1: ten minutes of a thousand requests a second.</summary>
    [Fact]
    public async Task E6_many_records_make_no_large_listing_and_are_removed_in_little_time_and_memory()
    {
        int count = Environment.GetEnvironmentVariable("LOCKSERVICE_LONG") == "1" ? 600_000 : 20_000;
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using RecordSweeper sweeper = NewSweeper(instance);
        await sweeper.SweepAsync(TimeSpan.Zero, s_never);
        long filling = TimeProvider.System.GetTimestamp();
        await FillAsync(instance, count);
        int largest = (await ListAsync(instance.Direct)).Max(shard => shard.Count);
        TimeSpan filled = TimeProvider.System.GetElapsedTime(filling);
        await PassAsync(sweeper, s_retention);
        _clock.Advance(s_retention / 16);
        long before = GC.GetTotalAllocatedBytes();
        long sweeping = TimeProvider.System.GetTimestamp();

        Assert.True(await sweeper.SweepAsync(TimeSpan.Zero, s_never));

        output.WriteLine($"{count} records made in {filled.TotalSeconds:f1} s, removed in {TimeProvider.System.GetElapsedTime(sweeping).TotalSeconds:f1} s, "
            + $"{(GC.GetTotalAllocatedBytes() - before) / count} bytes allocated each, {GC.GetTotalMemory(true) / 1024 / 1024} MiB live; largest listing {largest}");
        Assert.Equal(0, await CountAsync(instance));
        Assert.InRange(largest, 1, 300);
    }

    private RecordSweeper NewSweeper(TestInstance instance) => new(
        instance.Lanes,
        instance.Store,
        instance.Options with { IdempotencyRetention = s_retention },
        _clock,
        NullLogger<RecordSweeper>.Instance);

    /// <summary>Lets time pass as it does for a sweeper at work: in small steps.</summary>
    private async Task PassAsync(RecordSweeper sweeper, TimeSpan time)
    {
        TimeSpan step = s_retention / 32;
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += step)
        {
            _clock.Advance(time - passed < step ? time - passed : step);
            Assert.True(await sweeper.SweepAsync(TimeSpan.Zero, s_never));
        }
    }

    private static async Task FillAsync(TestInstance instance, int count)
    {
        foreach (int[] keys in Enumerable.Range(0, count).Chunk(4_000))
        {
            await Task.WhenAll(keys.Select(key => IncrementAsync(instance, $"{key}")));
        }
    }

    private static Task<IncrementResult> IncrementAsync(TestInstance instance, string key) =>
        instance.Counters.IncrementAsync("c", new IncrementOptions { Key = KeyedCallsTests.Request(key) }, s_never);

    private static Task<int> CountAsync(TestInstance instance) => CountAsync(instance.Direct);

    private static async Task<int> CountAsync(ZooKeeperClient client) => (await ListAsync(client)).Sum(shard => shard.Count);

    private static async Task<IReadOnlyList<IReadOnlyList<string>>> ListAsync(ZooKeeperClient client)
    {
        IReadOnlyList<string> shards = (await client.GetChildrenAsync(Records))?.Names ?? [];
        NodeChildren?[] listed = await Task.WhenAll(shards.Select(shard => client.GetChildrenAsync($"{Records}/{shard}")));
        return [.. listed.Select(shard => shard!.Names)];
    }

    private static async Task<IReadOnlyList<string>> MarkersAsync(TestInstance instance) =>
        (await instance.Direct.GetChildrenAsync("/lockservice/commit"))!.Names;
}
