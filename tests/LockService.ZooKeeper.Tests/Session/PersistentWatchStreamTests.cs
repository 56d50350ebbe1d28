using LockService.Testing;
using LockService.ZooKeeper.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests.Session;

/// <summary>What the session's thread puts into a persistent watch, and what its reader gets, who takes it out at the same time.</summary>
public sealed class PersistentWatchStreamTests
{
    private const int Rounds = 50_000;

    [Fact]
    public async Task A_gap_is_reported_also_when_the_reader_empties_the_full_buffer_at_that_moment()
    {
        await using var watch = new PersistentWatch("/n", WatchScope.Node, 1, new Chroot(""), (_, _) => Task.CompletedTask, TimeProvider.System);
        int gaps = 0;
        Task reading = Task.Run(async () =>
        {
            await foreach (WatchEvent next in watch)
            {
                if (next.Type == WatchEventType.Gap)
                {
                    Interlocked.Increment(ref gaps);
                }
            }
        });

        for (int round = 0; round < Rounds; round++)
        {
            watch.Report(WatchEventType.NodeDataChanged, "/n");
            // The reader takes some time to wake up, and is to meet the next report at every point of it.
            Thread.SpinWait(round % 500);
            watch.ReportGap();
            if (!SpinWait.SpinUntil(() => Volatile.Read(ref gaps) > round, Eventually.DefaultDeadline))
            {
                Assert.Fail($"The gap of round {round} was never reported.");
            }
        }

        await watch.DisposeAsync();
        await Eventually.CompletesAsync("the stream ends", reading);
        Assert.Equal(Rounds, gaps);
    }
}
