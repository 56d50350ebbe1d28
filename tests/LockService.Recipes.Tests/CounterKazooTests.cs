using System.Globalization;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>kazoo's Counter and ours on the same node.</summary>
[Collection("another zookeeper")]
public sealed class CounterKazooTests(ZooKeeperFixture zookeeper)
{
    private const string Counter = "zk.Counter('/lockservice/counters/c')";

    private static readonly CancellationToken s_never = CancellationToken.None;

    [Fact]
    public async Task Each_reads_and_changes_what_the_other_wrote()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using Kazoo kazoo = Start(instance);
        await instance.Counters.IncrementAsync("c", new IncrementOptions { By = -5 }, s_never);

        Assert.Equal(-5, (await kazoo.EvaluateAsync($"{Counter}.value")).GetInt64());
        Assert.Equal(37, (await kazoo.EvaluateAsync($"({Counter} + 42).post_value")).GetInt64());
        Assert.Equal(37, (await instance.Counters.GetAsync("c", s_never))?.Value);
        Assert.Equal(38, (await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never)).Value);

        await instance.Counters.RemoveAsync("c", CounterCondition.None, s_never);
        Assert.Equal(0, (await kazoo.EvaluateAsync($"{Counter}.value")).GetInt64());
        Assert.Equal(1, (await kazoo.EvaluateAsync($"({Counter} + 1).post_value")).GetInt64());
        Assert.Equal(1, (await instance.Counters.GetAsync("c", s_never))?.Value);
    }

    [Fact]
    public async Task No_increment_of_either_is_lost_while_they_contend()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await using Kazoo kazoo = Start(instance);
        await instance.Counters.IncrementAsync("c", new IncrementOptions { By = 0 }, s_never);
        using var enough = new CancellationTokenSource();

        // kazoo gives up after a collision that it meets again and again; whoever uses it calls again.
        Task<List<IncrementResult>> ours = IncrementUntilAsync(instance, enough.Token);
        long[] theirs = [.. (await kazoo.EvaluateAsync(
            $"(lambda c, retry: [retry(c.__add__, 1).post_value for _ in range(200)])({Counter}, KazooRetry(max_tries=-1, delay=0.001, max_delay=0.01))"))
            .EnumerateArray().Select(value => value.GetInt64())];
        await enough.CancelAsync();

        List<IncrementResult> mine = await ours;
        int all = theirs.Length + mine.Count;
        Assert.Equal(200, theirs.Length);
        Assert.NotEmpty(mine);
        Assert.Equal(Enumerable.Range(1, all).Select(value => (long)value), mine.Select(result => result.Value).Concat(theirs).Order());
        Assert.Equal(all.ToString(CultureInfo.InvariantCulture), await instance.TextAsync("/lockservice/counters/c"));
    }

    private static Kazoo Start(TestInstance instance) => new(ConnectString.Parse(instance.Options.ZooKeeper.Servers[0] + instance.Chroot));

    private static async Task<List<IncrementResult>> IncrementUntilAsync(TestInstance instance, CancellationToken enough)
    {
        var results = new List<IncrementResult>();
        while (!enough.IsCancellationRequested)
        {
            results.Add(await instance.Counters.IncrementAsync("c", new IncrementOptions(), s_never));
            // Leaves kazoo a moment for its read and write: it has no line to stand in.
            await Task.Delay(TimeSpan.FromMilliseconds(3), TimeProvider.System, s_never);
        }

        return results;
    }
}
