using System.Text;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Counters whose nodes were changed about as often as ZooKeeper can count, on a server of their own.</summary>
public sealed class CounterVersionTests : IAsyncLifetime
{
    private const string Path = "/lockservice/counters/c";

    private static readonly CancellationToken s_never = CancellationToken.None;

    private ZooKeeperServer _server = null!;

    public async Task InitializeAsync() => _server = await ZooKeeperServer.StartNewAsync();

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Theory]
    [InlineData(int.MaxValue - 1, new[] { int.MaxValue, int.MinValue, int.MinValue + 1 })]
    [InlineData(-3, new[] { -2, 0, 1 })]
    [InlineData(-1, new[] { 0, 1, 2 })]
    public async Task Increments_go_on_over_every_version_but_the_one_that_means_any(int start, int[] versions)
    {
        await using TestInstance instance = await StartAtAsync(start);

        foreach (int version in versions)
        {
            await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
            Assert.Equal(version, (await instance.Direct.ExistsAsync(Path))?.Version);
        }

        Assert.Equal("103", await instance.TextAsync(Path));
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(-4)]
    [InlineData(-2)]
    [InlineData(-1)]
    public async Task No_increment_of_two_instances_is_lost_on_the_way(int start)
    {
        await using TestInstance one = await StartAtAsync(start);
        await using TestInstance two = await TestInstance.StartAsync(_server, "");

        List<IncrementResult>[] results = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => IncrementManyAsync(i % 2 == 0 ? one : two)));

        Assert.Equal(Enumerable.Range(101, 320).Select(value => (long)value), results.SelectMany(some => some).Select(result => result.Value).Order());
        Assert.Equal("420", await one.TextAsync(Path));
    }

    [Fact]
    public async Task At_version_minus_one_a_change_in_between_is_not_overwritten()
    {
        await using TestInstance instance = await StartAtAsync(-1);
        var present = new Counting.CounterNode(100, -1, 0, 0);
        await instance.Direct.SetDataAsync(Path, "200"u8.ToArray(), -1);

        Commit.CommitResult result = await instance.CommitAsync(present.ChangeTo(101, Path));

        Assert.Equal(ErrorCode.BadVersion, result.Error);
        Assert.Equal("200", await instance.TextAsync(Path));
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(-1)]
    public async Task A_counter_can_be_refused_set_and_removed_there(int version)
    {
        await using TestInstance instance = await StartAtAsync(version);

        Assert.False((await instance.Counters.IncrementAsync("c", new IncrementOptions { Max = 100 }, s_never)).InRange);
        Assert.False((await instance.Counters.IncrementAsync("c", new IncrementOptions { Max = 100 }, s_never)).InRange);
        Assert.Equal(version, (await instance.Direct.ExistsAsync(Path))?.Version);
        Assert.Equal(RemoveResult.Removed, await instance.Counters.RemoveAsync("c", CounterCondition.None, s_never));
        Assert.Null(await instance.Counters.GetAsync("c", s_never));
        Assert.Equal(5, (await instance.Counters.SetAsync("c", 5, CounterCondition.None, s_never))?.Value);
    }

    /// <summary>An instance on a counter of 100 whose node has the version.</summary>
    private async Task<TestInstance> StartAtAsync(int version)
    {
        await using (TestInstance maker = await TestInstance.StartAsync(_server, ""))
        {
            await maker.Counters.IncrementAsync("c", new IncrementOptions(), s_never);
        }

        await _server.RestartWithVersionAsync(Path, Encoding.ASCII.GetBytes("100"), version);
        TestInstance instance = await TestInstance.StartAsync(_server, "");
        Assert.Equal(version, (await instance.Direct.ExistsAsync(Path))?.Version);
        return instance;
    }

    private static async Task<List<IncrementResult>> IncrementManyAsync(TestInstance instance)
    {
        var results = new List<IncrementResult>();
        for (int i = 0; i < 20; i++)
        {
            results.Add(await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
        }

        return results;
    }
}
