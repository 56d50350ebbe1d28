using System.Net;

namespace LockService.ZooKeeper;

/// <summary>The phases of a session's life.</summary>
public enum SessionState
{
    /// <summary>Not connected: before the first connection, or between two connections of one session. Requests wait.</summary>
    Connecting,

    /// <summary>Connected to a server that accepts writes.</summary>
    Connected,

    /// <summary>Over for good. Ephemeral nodes and watches are gone; every further request is refused locally.</summary>
    Ended,
}

/// <summary>Why a session ended.</summary>
public enum SessionEnd
{
    /// <summary>This process closed it.</summary>
    Closed,

    /// <summary>A server said that it no longer exists. Nothing it sent earlier can still take effect.</summary>
    Expired,

    /// <summary>
    /// Credentials or an enforced authentication were refused. Final: the client never goes on as nobody.
    /// </summary>
    AuthenticationFailed,
}

/// <summary>
/// One moment of a session's life, linked to the next: a reader that keeps following <see cref="Next"/> misses no change, however
/// slow it is, and runs on its own task, never on the session's.
/// </summary>
public sealed class SessionStatus
{
    private readonly TaskCompletionSource<SessionStatus> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal SessionStatus(SessionState state, EndPoint? server, SessionEnd? end, long since)
    {
        State = state;
        Server = server;
        End = end;
        Since = since;
    }

    /// <summary>The phase.</summary>
    public SessionState State { get; }

    /// <summary>The server in use while connected.</summary>
    public EndPoint? Server { get; }

    /// <summary>Why the session ended, once it has.</summary>
    public SessionEnd? End { get; }

    /// <summary>
    /// When the phase began, as a timestamp of the client's clock. A loss of the connection counts from the oldest request or ping that it
    /// left without an answer: servers fall silent up to two thirds of the session timeout before that is noticed.
    /// </summary>
    public long Since { get; }

    /// <summary>
    /// While connecting, why the last connection broke or could not be made, such as a certificate that is not accepted; after the end of
    /// the session, what led to it if that was a failure. For people: the text may change.
    /// </summary>
    public string? Failure { get; internal init; }

    /// <summary>Completes with the status that follows this one; never completes for a session that has ended.</summary>
    public Task<SessionStatus> Next => _next.Task;

    internal void Follow(SessionStatus next) => _next.TrySetResult(next);
}
