using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Sessions;

/// <summary>
/// Keeps one ZooKeeper session open: when it ends, opens the next. Whoever owns ephemeral nodes or watches holds on to the
/// <see cref="ZooKeeperClient"/> they were made with, and learns from its status that they are gone.
/// </summary>
internal sealed class SessionKeeper : IAsyncDisposable
{
    /// <summary>
    /// A gap without answers that lasts longer is an outage: holders could not renew. Shorter ones (a server restarts, the session
    /// moves on) cost a holder less than the overshoot that leases have anyway.
    /// </summary>
    private static readonly TimeSpan s_outage = TimeSpan.FromSeconds(1);

    /// <summary>Pause before a new session after a refused authentication, which only a change of configuration or server can cure.</summary>
    private static readonly TimeSpan s_refusedPause = TimeSpan.FromSeconds(5);

    private readonly CoordinationOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILoggerFactory _logs;
    private readonly CancellationTokenSource _disposing = new();
    private readonly Task _following;
    private volatile ZooKeeperClient _current;
    private TaskCompletionSource<ZooKeeperClient> _replaced = NewSignal();
    private long _outageEndedAt;

    internal SessionKeeper(CoordinationOptions options, TimeProvider clock, ILoggerFactory logs)
    {
        _options = options;
        _clock = clock;
        _logs = logs;
        _outageEndedAt = clock.GetTimestamp();
        _current = Open();
        _following = FollowAsync();
    }

    /// <summary>The present client, connected or not. Replaced after its session has ended.</summary>
    internal ZooKeeperClient Current => _current;

    /// <summary>
    /// When the last outage ended, as a timestamp of the clock: nothing that was seen before counts as time during which a holder could
    /// have renewed its lease.
    /// </summary>
    internal long OutageEndedAt => Interlocked.Read(ref _outageEndedAt);

    /// <summary>Waits for a connected client.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled first.</exception>
    internal async Task<ZooKeeperClient> ConnectedAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task<ZooKeeperClient> replaced = Volatile.Read(ref _replaced).Task;
            ZooKeeperClient client = _current;
            try
            {
                await client.WhenConnectedAsync(cancellation).ConfigureAwait(false);
                return client;
            }
            catch (SessionEndedException)
            {
                await replaced.WaitAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _disposing.CancelAsync().ConfigureAwait(false);
        await _following.ConfigureAwait(false);
        await _current.DisposeAsync().ConfigureAwait(false);
        _disposing.Dispose();
    }

    private async Task FollowAsync()
    {
        long? disconnectedAt = _clock.GetTimestamp();
        SessionStatus status = _current.Status;
        try
        {
            while (true)
            {
                switch (status.State)
                {
                    case SessionState.Connected when disconnectedAt is { } since:
                        if (_clock.GetElapsedTime(since) > s_outage)
                        {
                            Interlocked.Exchange(ref _outageEndedAt, _clock.GetTimestamp());
                        }

                        disconnectedAt = null;
                        break;
                    case SessionState.Connecting:
                        disconnectedAt ??= status.Since;
                        break;
                    case SessionState.Ended:
                        disconnectedAt ??= status.Since;
                        status = await ReplaceAsync(status).ConfigureAwait(false);
                        continue;
                }

                status = await status.Next.WaitAsync(_disposing.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_disposing.IsCancellationRequested)
        {
            // Disposed: the present client is closed there.
        }
    }

    private async Task<SessionStatus> ReplaceAsync(SessionStatus ended)
    {
        if (ended.End == SessionEnd.AuthenticationFailed)
        {
            await Task.Delay(s_refusedPause, _clock, _disposing.Token).ConfigureAwait(false);
        }

        ZooKeeperClient old = _current;
        TaskCompletionSource<ZooKeeperClient> replaced = _replaced;
        // The next signal first: who then sees the old client's end must not wait on a signal that has been given.
        _current = Open();
        Volatile.Write(ref _replaced, NewSignal());
        replaced.SetResult(_current);
        await old.DisposeAsync().ConfigureAwait(false);
        return _current.Status;
    }

    private ZooKeeperClient Open() =>
        new(
            new ZooKeeperOptions
            {
                Servers = _options.ZooKeeper,
                SessionTimeout = _options.SessionTimeout,
                Tls = _options.Tls,
                Credentials = _options.Credentials,
                NewNodeAcl = _options.Credentials.OwnNodes,
                Clock = _clock,
            },
            _logs.CreateLogger<ZooKeeperClient>());

    private static TaskCompletionSource<ZooKeeperClient> NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
