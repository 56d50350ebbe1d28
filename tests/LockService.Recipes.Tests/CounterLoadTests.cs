using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What a counter does when much is asked of it.</summary>
[Collection("another zookeeper")]
public sealed class CounterLoadTests(ZooKeeperFixture zookeeper)
{
    private const string Path = "/lockservice/counters/c";

    [Fact]
    public async Task More_than_20_000_changes_are_refused_at_once_and_2_000_share_a_write()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: TimeSpan.FromSeconds(60));
        Task<IncrementResult> first = await StallAsync(instance);
        Task<IncrementResult>[] waiting = [.. Enumerable.Range(0, 19_999).Select(_ => IncrementAsync(instance))];

        await IsRefusedAsync(instance, "c");
        await IsRefusedAsync(instance, "other");
        Assert.DoesNotContain(waiting, call => call.IsCompleted);

        instance.Proxy.Resume();
        IncrementResult[] results = await Eventually.CompletesAsync("those that waited are answered", Task.WhenAll(waiting), TimeSpan.FromMinutes(1));
        await first;
        Assert.Equal(Enumerable.Range(3, 19_999), results.Select(result => (int)result.Value));
        // The creation is version 0. Then one write for the first, and ten for the others.
        Assert.Equal(11, (await instance.Direct.ExistsAsync(Path))!.Value.Version);
    }

    [Fact]
    public async Task Callers_who_leave_do_not_let_the_line_of_a_counter_grow_without_end()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, storeDeadline: TimeSpan.FromSeconds(60));
        Task<IncrementResult> first = await StallAsync(instance);
        using var leaving = new CancellationTokenSource();
        Task<IncrementResult>[] leavers = [.. Enumerable.Range(0, 19_999).Select(_ => IncrementAsync(instance, leaving.Token))];
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(leavers));

        Task<IncrementResult> last = IncrementAsync(instance);
        await IsRefusedAsync(instance, "c");

        instance.Proxy.Resume();
        Assert.Equal([2, 3], (await Eventually.CompletesAsync("those who stayed are answered", Task.WhenAll(first, last))).Select(result => result.Value));
        Assert.Equal("3", await instance.TextAsync(Path));
    }

    /// <summary>A counter whose next write is at the server, and whose line is empty behind it.</summary>
    /// <returns>The call of that write.</returns>
    private static async Task<Task<IncrementResult>> StallAsync(TestInstance instance)
    {
        await IncrementAsync(instance);
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<IncrementResult> first = IncrementAsync(instance);
        await Eventually.TrueAsync("the first one is at the server", async () => await instance.TextAsync(Path) == "2");
        return first;
    }

    private static async Task IsRefusedAsync(TestInstance instance, string name) => await Assert.ThrowsAsync<StoreUnavailableException>(
        () => Eventually.CompletesAsync("one more is refused", instance.Counters.IncrementAsync(name, new IncrementOptions(), CancellationToken.None)));

    private static Task<IncrementResult> IncrementAsync(TestInstance instance, CancellationToken cancellation = default) =>
        instance.Counters.IncrementAsync("c", new IncrementOptions(), cancellation);
}
