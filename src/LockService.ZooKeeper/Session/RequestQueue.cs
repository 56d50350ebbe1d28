using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// The requests of a session: those that wait to be sent, and those that were sent and wait for their replies, oldest first. A
/// disconnection completes the second as unknown and leaves the first alone: they go out on the next connection.
/// </summary>
internal sealed class RequestQueue(int maxInFlight, int maxQueued, TimeProvider clock)
{
    private readonly object _gate = new();
    private readonly Queue<PendingRequest> _queued = new();
    private readonly Queue<PendingRequest> _inFlight = new();
    private (SessionEnd End, string? Reason)? _end;
    private int _abandoned;
    private int _xid;
    private bool _workToDo;

    /// <summary>Adds a request, or fails it at once when the session has ended or the queue is full.</summary>
    internal void Enqueue(PendingRequest request)
    {
        ZooKeeperException? refusal = null;
        lock (_gate)
        {
            if (_end is { } end)
            {
                refusal = new SessionEndedException(end.End, end.Reason);
            }
            else if (_queued.Count >= maxQueued)
            {
                refusal = new RequestNotSentException($"{maxQueued} requests are waiting already.");
            }
            else
            {
                _queued.Enqueue(request);
                SignalWork();
            }
        }

        if (refusal is not null)
        {
            request.Fail(refusal);
        }
    }

    /// <summary>
    /// Counts a waiting request that its caller has given up, and lets go of such requests once they are the greater part: while no
    /// server can be reached they would otherwise pile up until nobody's request is accepted any more.
    /// </summary>
    internal void NoteAbandoned()
    {
        lock (_gate)
        {
            _abandoned++;
            if (_abandoned > 1_000 && _abandoned > _queued.Count / 2)
            {
                PendingRequest[] wanted = [.. _queued.Where(request => !request.IsAbandoned)];
                _abandoned = 0;
                _queued.Clear();
                Array.ForEach(wanted, _queued.Enqueue);
            }
        }
    }

    /// <summary>Blocks until there may be something to send, or the time has passed, or <see cref="Wake"/> was called.</summary>
    internal void WaitForWork(TimeSpan atMost)
    {
        lock (_gate)
        {
            if (!_workToDo)
            {
                Monitor.Wait(_gate, atMost);
            }

            _workToDo = false;
        }
    }

    internal void Wake()
    {
        lock (_gate)
        {
            SignalWork();
        }
    }

    /// <summary>
    /// Writes queued requests into the buffer, as many as the limits allow, and counts them as in flight from then on: whatever
    /// happens to the buffer, their bytes may have left.
    /// </summary>
    /// <returns>True if the buffer holds something to send.</returns>
    internal bool TakeBatch(JuteWriter writer, int batchBytes, int maxRequestBytes)
    {
        List<(PendingRequest Request, Exception Failure)>? failed = null;
        lock (_gate)
        {
            long now = clock.GetTimestamp();
            while (_inFlight.Count < maxInFlight && writer.Length < batchBytes && _queued.TryDequeue(out PendingRequest? request))
            {
                int xid = Protocol.Xid.After(_xid);
                if (!request.TryStartSending(xid, now))
                {
                    _abandoned--;
                    continue;
                }

                int frame = writer.BeginFrame();
                writer.WriteInt(xid);
                writer.WriteInt((int)request.Op);
                request.WriteTo(writer);
                int size = writer.EndFrame(frame);
                if (size > maxRequestBytes)
                {
                    writer.Rewind(frame);
                    (failed ??= []).Add((request, new RequestTooLargeException(size, maxRequestBytes)));
                    continue;
                }

                _xid = xid;
                _inFlight.Enqueue(request);
            }
        }

        failed?.ForEach(f => f.Request.Fail(f.Failure));
        return writer.Length > 0;
    }

    /// <summary>The number of a frame that is sent before the requests of a connection.</summary>
    internal int TakeXid()
    {
        lock (_gate)
        {
            return _xid = Protocol.Xid.After(_xid);
        }
    }

    /// <summary>Takes the oldest request in flight, to which the next ordinary reply belongs.</summary>
    /// <exception cref="ProtocolException">The reply is not for that request: the stream is broken.</exception>
    internal PendingRequest TakeAnswered(int xid)
    {
        lock (_gate)
        {
            if (!_inFlight.TryPeek(out PendingRequest? request) || request.Xid != xid)
            {
                throw new ProtocolException($"a reply to request {xid}, which is not the oldest one");
            }

            _inFlight.Dequeue();
            if (_inFlight.Count == maxInFlight - 1 && _queued.Count > 0)
            {
                SignalWork();
            }

            return request;
        }
    }

    /// <summary>When the oldest request in flight was sent, as a timestamp of the clock; null if there is none.</summary>
    internal long? OldestSentAt()
    {
        lock (_gate)
        {
            return _inFlight.TryPeek(out PendingRequest? oldest) ? oldest.SentAt : null;
        }
    }

    /// <summary>Completes all requests in flight as unknown. Requests that wait to be sent stay.</summary>
    internal void FailInFlight(string reason, Exception? cause)
    {
        PendingRequest[] lost;
        lock (_gate)
        {
            lost = [.. _inFlight];
            _inFlight.Clear();
        }

        foreach (PendingRequest request in lost)
        {
            request.Fail(new OutcomeUnknownException(reason, cause));
        }
    }

    /// <summary>Refuses everything that waits to be sent, and everything that comes later.</summary>
    internal void End(SessionEnd end, string? reason)
    {
        PendingRequest[] waiting;
        lock (_gate)
        {
            _end = (end, reason);
            waiting = [.. _queued];
            _queued.Clear();
        }

        foreach (PendingRequest request in waiting)
        {
            request.Fail(new SessionEndedException(end, reason));
        }
    }

    /// <summary>Call inside the lock. One thread waits at most, and it is woken only if it has not been already.</summary>
    private void SignalWork()
    {
        if (!_workToDo)
        {
            _workToDo = true;
            Monitor.Pulse(_gate);
        }
    }
}
