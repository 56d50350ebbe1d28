using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>A request from the caller's call to its completion: queued, then sent, then completed once.</summary>
internal abstract class PendingRequest
{
    private const int Queued = 0;
    private const int Sent = 1;
    private const int Abandoned = 2;
    private int _phase;

    internal int Xid { get; private set; }

    /// <summary>Whether the caller gave it up before it was sent.</summary>
    internal bool IsAbandoned => Volatile.Read(ref _phase) == Abandoned;

    internal abstract OpCode Op { get; }

    /// <summary>When its bytes were handed to the connection, as a timestamp of the session's clock.</summary>
    internal long SentAt { get; private set; }

    /// <summary>Claims the request for sending; false if the caller has given it up, which proves to him that it was never sent.</summary>
    internal bool TryStartSending() => Interlocked.CompareExchange(ref _phase, Sent, Queued) == Queued;

    internal void Number(int xid, long now)
    {
        Xid = xid;
        SentAt = now;
    }

    internal abstract void WriteTo(JuteWriter writer);

    /// <summary>Reads the reply and completes the request. Called by the reader; continuations run elsewhere.</summary>
    /// <returns>The error, if there is one, in the reply's header or of the part at which a transaction failed.</returns>
    internal abstract ErrorCode Complete(ErrorCode error, ref JuteReader body, WatchTable watches);

    internal abstract void Fail(Exception failure);

    /// <summary>Gives up waiting. A request still queued is never sent; one that was sent keeps its place until the reply comes.</summary>
    /// <returns>True if it was still queued.</returns>
    internal bool Cancel(CancellationToken cancellation)
    {
        bool notSent = Interlocked.CompareExchange(ref _phase, Abandoned, Queued) == Queued;
        Fail(new RequestAbandonedException(notSent ? RequestOutcome.NotSent : RequestOutcome.Unknown, cancellation));
        return notSent;
    }
}

/// <summary>A request with its typed message and completion.</summary>
internal sealed class PendingRequest<TMessage, TReply>(TMessage message, string? path) : PendingRequest
    where TMessage : struct, IMessage<TReply>
{
    private readonly TaskCompletionSource<TReply> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenRegistration _registration;
    private RequestQueue? _queue;
    private RequestObservation? _observation;

    internal override OpCode Op => message.Op;

    /// <summary>What the request changes about the session's watches, if it does.</summary>
    internal WatchChange? Change { get; init; }

    internal Task<TReply> Task => _completion.Task;

    /// <summary>Call before the request can be completed.</summary>
    internal void ObserveWith(TimeProvider clock) => _observation = RequestObservation.Start(message.Op, clock);

    internal void CancelWith(RequestQueue queue, CancellationToken cancellation)
    {
        if (cancellation.CanBeCanceled)
        {
            _queue = queue;
            _registration = cancellation.UnsafeRegister(
                static (state, token) => ((PendingRequest<TMessage, TReply>)state!).GiveUp(token), this);

            // Completed before the registration was stored: nobody else would remove it. Each side writes first and looks then, so that one of
            // them sees the other.
            Interlocked.MemoryBarrier();
            if (_completion.Task.IsCompleted)
            {
                _registration.Unregister();
            }
        }
    }

    internal override void WriteTo(JuteWriter writer)
    {
        Change?.Writing();
        message.WriteTo(writer);
    }

    internal override ErrorCode Complete(ErrorCode error, ref JuteReader body, WatchTable watches)
    {
        TReply? reply;
        if (error == ErrorCode.Ok)
        {
            reply = message.ReadFrom(ref body);
        }
        else if (!message.TryReadError(error, out reply))
        {
            Change?.Refused();
            Fail(new RequestRefusedException(error, path));
            return error;
        }

        // Registered before the next frame is read, so that no notification can come too early, and even if the caller has left:
        // the server holds its side either way.
        Change?.Done(message.KeptWatch(error));

        // A session that has moved away is told to a transaction in its parts only (ZOOKEEPER-2886).
        ErrorCode inside = reply is TransactionResult result ? result.Error : ErrorCode.Ok;
        _observation?.Answered(inside);
        if (!_completion.TrySetResult(reply))
        {
            Change?.Abandoned();
        }

        _registration.Unregister();
        return inside == ErrorCode.Ok ? error : inside;
    }

    private void GiveUp(CancellationToken cancellation)
    {
        if (Cancel(cancellation))
        {
            _queue!.NoteAbandoned();
        }
    }

    internal override void Fail(Exception failure)
    {
        _observation?.Failed(failure);
        _completion.TrySetException(failure);
        _registration.Unregister();
    }
}
