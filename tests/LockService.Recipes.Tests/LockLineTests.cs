using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class LockLineTests(ZooKeeperFixture zookeeper)
{
    private const string Directory = "/lockservice/locks/report";

    [Fact]
    public async Task Who_left_before_the_place_was_known_to_be_there_does_not_stay_in_the_line()
    {
        await using TestInstance here = await TestInstance.StartAsync(zookeeper);
        await using TestInstance elsewhere = await TestInstance.StartAsync(zookeeper, here.Chroot);
        var options = new AcquireOptions { Owner = "tester", Ttl = TimeSpan.FromMinutes(1), Wait = TimeSpan.FromMinutes(1) };
        Assert.IsType<AcquireResult.Granted>(await elsewhere.Locks.AcquireAsync("report", options, default));
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        Task waiting = here.Locks.AcquireAsync("report", options, first.Token);
        await Eventually.TrueAsync("the first one stands in the line", () => here.Lines.Find(Directory) is not null);
        here.Proxy.Stall(ProxyDirections.ToClient);
        Task leaving = here.Locks.AcquireAsync("report", options, second.Token);
        await ContendersAreAsync(3);

        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        here.Proxy.Resume();
        await ContendersAreAsync(2);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        await Eventually.TrueAsync("nobody stands in the line", () => here.Lines.Find(Directory) is null);

        Task ContendersAreAsync(int count) => Eventually.TrueAsync(
            $"{count} contend", async () => (await elsewhere.Direct.GetChildrenAsync(Directory))!.Names.Count == count);
    }
}
