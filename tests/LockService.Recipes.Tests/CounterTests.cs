using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class CounterTests(ZooKeeperFixture zookeeper)
{
    private const string Path = "/lockservice/counters/c";

    private static readonly CancellationToken s_never = CancellationToken.None;

    [Fact]
    public async Task The_first_increment_creates_the_counter_as_kazoo_would_write_it()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        Assert.Null(await instance.Counters.GetAsync("c", s_never));

        IncrementResult result = await instance.Counters.IncrementAsync("c", new IncrementOptions { By = 5, Initial = 37 }, s_never);

        Assert.Equal(new IncrementResult(42, 37, InRange: true), result);
        Assert.Equal("42", await instance.TextAsync(Path));
        CounterState? state = await instance.Counters.GetAsync("c", s_never);
        Assert.Equal(("c", 42), (state?.Name, state?.Value));
        Assert.Equal((await instance.Direct.ExistsAsync(Path))?.ModifiedZxid, state?.Version);
    }

    [Fact]
    public async Task A_counter_that_kazoo_made_but_never_counted_starts_at_the_callers_initial_value()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("other", new IncrementOptions(), s_never);
        await instance.Direct.CreateAsync(Path);

        Assert.Null(await instance.Counters.GetAsync("c", s_never));
        Assert.Equal(11, (await instance.Counters.IncrementAsync("c", new IncrementOptions { Initial = 10 }, s_never)).Value);
    }

    [Theory]
    [InlineData("1.5")]
    [InlineData("five")]
    [InlineData("9223372036854775808")]
    public async Task A_node_that_is_no_counter_is_left_alone(string data)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("other", new IncrementOptions(), s_never);
        await instance.Direct.CreateAsync(Path, System.Text.Encoding.UTF8.GetBytes(data));

        await Assert.ThrowsAsync<WrongKindException>(() => instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
        await Assert.ThrowsAsync<WrongKindException>(() => instance.Counters.GetAsync("c", s_never));
        Assert.Equal(data, await instance.TextAsync(Path));
    }

    [Theory]
    [InlineData(10, 3, 12)]
    [InlineData(-10, -3, -12)]
    public async Task An_increment_beyond_its_bounds_changes_nothing_and_tells_the_present_value(long start, long by, long bound)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions { By = start }, s_never);

        IncrementResult result = await instance.Counters.IncrementAsync(
            "c", new IncrementOptions { By = by, Min = Math.Min(bound, 0), Max = Math.Max(bound, 0) }, s_never);

        Assert.Equal(new IncrementResult(start, start, InRange: false), result);
        Assert.Equal($"{start}", await instance.TextAsync(Path));
    }

    [Theory]
    [InlineData(long.MaxValue, 1)]
    [InlineData(long.MinValue, -1)]
    [InlineData(-2, long.MinValue)]
    public async Task An_increment_beyond_64_bits_changes_nothing(long start, long by)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions { By = start }, s_never);

        IncrementResult result = await instance.Counters.IncrementAsync("c", new IncrementOptions { By = by }, s_never);

        Assert.Equal(new IncrementResult(start, start, InRange: false), result);
        Assert.Equal($"{start}", await instance.TextAsync(Path));
    }

    [Fact]
    public async Task A_refused_first_increment_creates_nothing()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        Assert.False((await instance.Counters.IncrementAsync("c", new IncrementOptions { Max = 0 }, s_never)).InRange);

        Assert.Null(await instance.Counters.GetAsync("c", s_never));
    }

    [Fact]
    public async Task Concurrent_increments_travel_together_and_each_gets_a_value_of_its_own_in_order_of_arrival()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
        int versionBefore = (await instance.Direct.ExistsAsync(Path))!.Value.Version;

        IncrementResult[] results = await Task.WhenAll(
            Enumerable.Range(0, 1_000).Select(_ => instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never)));

        Assert.Equal(Enumerable.Range(2, 1_000).Select(value => (long)value), results.Select(result => result.Value));
        Assert.True((await instance.Direct.ExistsAsync(Path))!.Value.Version - versionBefore < 100, "they did not share changes");
    }

    [Fact]
    public async Task Each_of_concurrent_increments_is_checked_against_its_own_bounds()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);

        IncrementResult[] results = await Task.WhenAll(
            Enumerable.Range(0, 50).Select(_ => instance.Counters.IncrementAsync("c", new IncrementOptions { Max = 10 }, s_never)));

        Assert.Equal(10, results.Count(result => result.InRange));
        Assert.Equal("10", await instance.TextAsync(Path));
    }

    [Fact]
    public async Task A_refusal_reflects_what_another_instance_did_before()
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        await one.Counters.IncrementAsync("c", new IncrementOptions { By = 10 }, s_never);
        await two.Counters.IncrementAsync("c", new IncrementOptions { By = -5 }, s_never);

        IncrementResult result = await one.Counters.IncrementAsync("c", new IncrementOptions { Max = 10 }, s_never);

        Assert.Equal(new IncrementResult(6, 5, InRange: true), result);
    }

    [Fact]
    public async Task A_counter_that_was_deleted_behind_our_back_starts_anew()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.Counters.IncrementAsync("c", new IncrementOptions { By = 10 }, s_never);
        await instance.Direct.DeleteAsync(Path);

        Assert.Equal(1, (await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never)).Value);
    }
}
