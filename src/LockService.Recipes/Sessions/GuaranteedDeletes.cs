using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Sessions;

/// <summary>
/// Removes nodes that nobody needs any more, in the background, and does not give up: a delete whose answer was lost, on a session that
/// lives on, would otherwise leave a waiter that blocks everybody behind it for good.
/// </summary>
internal sealed partial class GuaranteedDeletes(SessionKeeper sessions, CoordinationOptions options, TimeProvider clock, ILogger<GuaranteedDeletes> logger)
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

    /// <summary>Deletes a node. The request is sent before this returns, if there is a connection.</summary>
    /// <param name="client">The session it was made with. An ephemeral node is gone when that has ended.</param>
    /// <param name="path">The node.</param>
    /// <param name="ephemeral">Whether it goes away with the session.</param>
    internal void Delete(ZooKeeperClient client, string path, bool ephemeral) =>
        _ = RunAsync(() => TryDeleteAsync(client, path, ephemeral));

    /// <summary>
    /// Deletes what a creation may have made whose outcome is unknown. While its session lives, one look after a sync is final. When it
    /// has ended, the creation might still be on its way to the leader, so the looking goes on for twice the session timeout.
    /// </summary>
    internal void DeletePrefix(ZooKeeperClient client, string directory, string prefix)
    {
        long? endedAt = null;
        _ = RunAsync(async () =>
        {
            bool ended = client.Status.State == SessionState.Ended;
            endedAt ??= ended ? clock.GetTimestamp() : null;
            ZooKeeperClient lookWith = ended ? sessions.Current : client;
            await lookWith.SyncAsync(directory).ConfigureAwait(false);
            NodeChildren? children = await lookWith.GetChildrenAsync(directory).ConfigureAwait(false);
            string? found = children?.Names.FirstOrDefault(name => name.StartsWith(prefix, StringComparison.Ordinal));
            if (found is not null)
            {
                return await TryDeleteAsync(lookWith, $"{directory}/{found}", ephemeral: false).ConfigureAwait(false);
            }

            return endedAt is not { } since || clock.GetElapsedTime(since) > options.SessionTimeout * 2;
        });
    }

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

    private async Task RunAsync(Func<Task<bool>> tryOnce)
    {
        Interlocked.Increment(ref _pending);
        try
        {
            while (!_closed)
            {
                try
                {
                    if (await tryOnce().ConfigureAwait(false))
                    {
                        return;
                    }
                }
                catch (ZooKeeperException e) when (StoreCalls.MayPass(e))
                {
                    // Tried again below.
                }
                catch (ZooKeeperException e)
                {
                    Log.GivenUp(logger, e.Message);
                    return;
                }

                await Task.Delay(s_pause, clock).ConfigureAwait(false);
            }
        }
        finally
        {
            Interlocked.Decrement(ref _pending);
        }
    }

    private async Task<bool> TryDeleteAsync(ZooKeeperClient client, string path, bool ephemeral)
    {
        try
        {
            bool ended = client.Status.State == SessionState.Ended;
            await (ended && !ephemeral ? sessions.Current : client).DeleteAsync(path).ConfigureAwait(false);
        }
        catch (RequestRefusedException e) when (e.Code == ErrorCode.NoNode)
        {
            // Gone, which is what was wanted.
        }
        catch (SessionEndedException) when (ephemeral)
        {
            // Gone with its session.
        }

        return true;
    }

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Error, "A node that nobody needs could not be deleted: {Reason}")]
        internal static partial void GivenUp(ILogger logger, string reason);
    }
}
