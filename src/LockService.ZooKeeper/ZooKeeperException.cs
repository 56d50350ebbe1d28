namespace LockService.ZooKeeper;

/// <summary>What a failed request proves about the state of the ensemble.</summary>
public enum RequestOutcome
{
    /// <summary>The server answered with an error: nothing was changed.</summary>
    Refused,

    /// <summary>The request never left this process: nothing was changed, and sending it again is safe.</summary>
    NotSent,

    /// <summary>The request may have been carried out, now or later, or not at all.</summary>
    Unknown,
}

/// <summary>A request that did not succeed. <see cref="Outcome"/> tells what is known of its effect.</summary>
public abstract class ZooKeeperException : Exception
{
    private protected ZooKeeperException(RequestOutcome outcome, string message, Exception? inner)
        : base(message, inner) => Outcome = outcome;

    /// <summary>Whether the request is proven to have changed nothing.</summary>
    public RequestOutcome Outcome { get; }
}

/// <summary>The server refused the request. Nothing was changed.</summary>
public sealed class RequestRefusedException : ZooKeeperException
{
    internal RequestRefusedException(ErrorCode code, string? path)
        : base(RequestOutcome.Refused, path is null ? $"ZooKeeper refused the request: {code}." : $"ZooKeeper refused the request on '{path}': {code}.", null) =>
        Code = code;

    /// <summary>The server's error code.</summary>
    public ErrorCode Code { get; }
}

/// <summary>The connection was lost, or never came, before the request was sent. Nothing was changed.</summary>
public sealed class RequestNotSentException : ZooKeeperException
{
    internal RequestNotSentException(string reason, Exception? inner = null)
        : base(RequestOutcome.NotSent, $"The request was not sent: {reason}", inner)
    {
    }
}

/// <summary>
/// The connection was lost after the request's bytes may have left. It may have been carried out. The client never sends it again by
/// itself: only the caller knows how to find out (by a unique name in a path, or by an expected version).
/// </summary>
public sealed class OutcomeUnknownException : ZooKeeperException
{
    internal OutcomeUnknownException(string reason, Exception? inner = null)
        : base(RequestOutcome.Unknown, $"The outcome of the request is unknown: {reason}", inner)
    {
    }
}

/// <summary>The session had ended before the request was sent. Nothing was changed; a new client is needed.</summary>
public sealed class SessionEndedException : ZooKeeperException
{
    internal SessionEndedException(SessionEnd end, string? reason)
        : base(RequestOutcome.NotSent, $"The request was not sent: the session has ended ({end}). {reason}".TrimEnd(), null) => End = end;

    /// <summary>Why the session ended.</summary>
    public SessionEnd End { get; }
}

/// <summary>The request is larger than <see cref="ZooKeeperOptions.MaxRequestBytes"/>. It was not sent; nothing was changed.</summary>
public sealed class RequestTooLargeException : ZooKeeperException
{
    internal RequestTooLargeException(long size, int limit)
        : base(RequestOutcome.NotSent, $"The request was not sent: {size} bytes are more than the limit of {limit}.", null)
    {
    }
}

/// <summary>The caller gave up waiting for the answer.</summary>
public sealed class RequestAbandonedException : OperationCanceledException
{
    internal RequestAbandonedException(RequestOutcome outcome, CancellationToken cancellation)
        : base($"The request was cancelled ({outcome}).", cancellation) => Outcome = outcome;

    /// <summary>
    /// <see cref="RequestOutcome.NotSent"/> if it never left and never will; <see cref="RequestOutcome.Unknown"/> if it may be carried out.
    /// </summary>
    public RequestOutcome Outcome { get; }
}
