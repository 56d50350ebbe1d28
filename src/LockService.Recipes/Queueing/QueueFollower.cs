using System.Text.Json;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Hears of what others do with a queue while somebody asks for its messages here: one watch on the tail and one on the count of returns, however
/// many callers there are. What it reads it tells the window, which then looks for what is new. Whom it asks and tells takes locks of his own, so it
/// holds none.
/// </summary>
internal sealed class QueueFollower(
    LocalQueue queue, ReadyWindow window, QueueServices services, Action heard, Action<NodeData> returnsSeen, Func<bool> isWanted)
{
    /// <summary>How long changes collect before they are looked at, so that a busy queue costs no read for each of them.</summary>
    private static readonly TimeSpan s_collecting = TimeSpan.FromMilliseconds(5);

    /// <summary>How often it is asked whether anybody still wants to know.</summary>
    private static readonly TimeSpan s_asking = TimeSpan.FromSeconds(1);

    private int _running;

    /// <summary>Begins to follow the queue. It is wanted from before the call on.</summary>
    /// <returns>False if it is being followed already.</returns>
    internal bool Start()
    {
        if (Interlocked.Exchange(ref _running, 1) == 1)
        {
            return false;
        }

        _ = RunAsync();
        return true;
    }

    private async Task RunAsync()
    {
        while (GoesOn())
        {
            List<Watch> watches = [];
            try
            {
                watches = await services.Store.ReadAsync(WatchAsync, CancellationToken.None).ConfigureAwait(false);
                heard();
                await WaitAsync(watches).ConfigureAwait(false);
                await Task.Delay(s_collecting, services.Clock).ConfigureAwait(false);
            }
            catch (Exception e) when (e is CoordinationException or ZooKeeperException or JsonException)
            {
                // Whoever waits for messages is told by his own reading, which fails for the same reason or finds out what is there.
                await Task.Delay(s_asking, services.Clock).ConfigureAwait(false);
            }
            finally
            {
                watches.ForEach(watch => watch.Dispose());
            }
        }
    }

    private bool GoesOn()
    {
        if (isWanted())
        {
            return true;
        }

        Interlocked.Exchange(ref _running, 0);
        // Who came since it was asked found it running, and relies on it.
        return isWanted() && Interlocked.Exchange(ref _running, 1) == 0;
    }

    private async Task WaitAsync(List<Watch> watches)
    {
        Task changed = watches.Count == 0 ? Task.CompletedTask : Task.WhenAny(watches.Select(watch => watch.Changed));
        while (!changed.IsCompleted && isWanted())
        {
            using var awake = new CancellationTokenSource();
            await Task.WhenAny(changed, Task.Delay(s_asking, services.Clock, awake.Token)).ConfigureAwait(false);
            await awake.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <returns>None if what there was to watch went away meanwhile.</returns>
    private async Task<List<Watch>> WatchAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        if ((queue.Tail ?? await queue.FindAsync(client, cancellation).ConfigureAwait(false)) is not { } tail)
        {
            Watched<Stat?> pointer = await client.WatchExistsAsync(new QueueTree(queue.Root, queue.Name, "").Pointer, cancellation).ConfigureAwait(false);
            return [pointer.Watch];
        }

        Watched<NodeData>?[] watched = await Task.WhenAll(
            client.WatchDataAsync(tail.Tree.Tail, cancellation), client.WatchDataAsync(tail.Tree.Returns, cancellation)).ConfigureAwait(false);
        List<Watch> watches = [.. watched.OfType<Watched<NodeData>>().Select(node => node.Watch)];
        if (watched is [{ } tailNode, { } returns])
        {
            var known = new KnownTail(tail.Tree, tailNode.Value.Stat.Version, TailRecord.Parse(tailNode.Value.Data));
            queue.Learn(known);
            window.Seen(client, known, returns.Value.Stat.Version);
            returnsSeen(returns.Value);
            return watches;
        }

        watches.ForEach(watch => watch.Dispose());
        queue.Forget(tail);
        return [];
    }
}
