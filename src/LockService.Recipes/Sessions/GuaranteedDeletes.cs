using LockService.Recipes.Commit;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Sessions;

/// <summary>
/// Removes nodes that nobody needs any more, in the background, and does not give up: a waiter that stayed, on a session that lives on,
/// would block everybody behind it for good. Only for paths that are never used twice.
/// </summary>
internal sealed partial class GuaranteedDeletes(CommitLanes lanes, TimeProvider clock, ILogger<GuaranteedDeletes> logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>How long closing waits for nodes that are still being deleted.</summary>
    private static readonly TimeSpan s_closingLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_closingCheck = TimeSpan.FromMilliseconds(10);
    private volatile bool _closed;
    private int _pending;

    /// <summary>Removals that are not done yet.</summary>
    internal int Pending => Volatile.Read(ref _pending);

    /// <summary>
    /// Deletes a node, behind everything that was submitted for the resource before: also one whose creation is still being settled.
    /// </summary>
    internal void Delete(string resource, string path) => Delete(resource, [path]);

    /// <summary>The same for nodes that go together; if some have gone already, the others go one by one.</summary>
    internal void Delete(string resource, IReadOnlyList<string> paths) =>
        _ = RunAsync(paths.Aggregate(new CommitUnit(resource), (unit, path) => unit.Delete(path, -1)));

    /// <summary>Lets what is under way finish, for 3 s at most; what is left then ends with its lease or its session.</summary>
    public async ValueTask DisposeAsync()
    {
        long started = clock.GetTimestamp();
        while (Pending > 0 && clock.GetElapsedTime(started) < s_closingLimit)
        {
            await Task.Delay(s_closingCheck, clock).ConfigureAwait(false);
        }

        _closed = true;
    }

    private async Task RunAsync(CommitUnit delete)
    {
        Interlocked.Increment(ref _pending);
        try
        {
            while (!_closed)
            {
                try
                {
                    CommitResult result = await lanes.CommitAsync(delete, lanes.NewDeadline(), CancellationToken.None).ConfigureAwait(false);
                    if (result.Error == ErrorCode.NoNode && delete.Operations.Count > 1)
                    {
                        foreach (UnitOperation.Delete one in delete.Operations.OfType<UnitOperation.Delete>())
                        {
                            Delete(delete.Resource, one.Path);
                        }
                    }
                    else if (!result.Committed && result.Error != ErrorCode.NoNode)
                    {
                        Log.GivenUp(logger, result.Error);
                    }

                    return;
                }
                catch (CoordinationException)
                {
                    // Not sent, or its outcome is open: deleting once more does no harm.
                }

                await Task.Delay(s_pause, clock).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _pending);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Error, "A node that nobody needs could not be deleted: {Error}")]
        internal static partial void GivenUp(ILogger logger, ErrorCode error);
    }
}
