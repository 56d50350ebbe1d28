using System.Diagnostics.CodeAnalysis;
using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// The requests of a session: those that wait to be sent, and those that were sent and wait for their replies, oldest first. A
/// disconnection completes the second as unknown and leaves the first alone: they go out on the next connection.
/// </summary>
/// <remarks>
/// Callers, the writer and the reader meet here for every request, so no lock is held for longer than it takes to move references: callers
/// and the writer share one, the writer and the reader another, and requests are encoded outside both.
/// </remarks>
internal sealed class RequestQueue
{
    /// <summary>From how many requests in flight on it pays to handle several of them at a time.</summary>
    private const int Pipelined = 8;

    /// <summary>How many requests the writer takes out of the callers' reach at a time.</summary>
    private const int MostClaimed = 256;

    private readonly Lock _gate = new();
    private readonly Queue<PendingRequest> _queued = new();
    private readonly Lock _inFlightGate = new();
    private readonly Queue<PendingRequest> _inFlight = new();
    private readonly WorkSignal _work = new();

    /// <summary>The oldest of those that wait to be sent. Only for the writer, and for the session while there is none.</summary>
    private readonly Queue<PendingRequest> _claimed = new();

    /// <summary>Encoded, but not counted as in flight yet. Only for the writer, within <see cref="TakeBatch"/>.</summary>
    private readonly List<PendingRequest> _encoded = [];

    private readonly Func<bool> _hasWork;
    private readonly int _maxInFlight;
    private readonly int _maxQueued;
    private readonly TimeProvider _clock;
    private (SessionEnd End, string? Reason)? _end;

    /// <summary>Taken, and not completed yet. Only for the reader.</summary>
    private PendingRequest? _lastAnswered;

    private int _queuedCount;
    private int _inFlightCount;
    private int _abandoned;
    private int _xid;

    internal RequestQueue(int maxInFlight, int maxQueued, TimeProvider clock)
    {
        _maxInFlight = maxInFlight;
        _maxQueued = maxQueued;
        _clock = clock;
        _hasWork = () => (_claimed.Count > 0 || Volatile.Read(ref _queuedCount) > 0) && Volatile.Read(ref _inFlightCount) < maxInFlight;
    }

    internal int InFlight => Volatile.Read(ref _inFlightCount);

    internal int Queued => Volatile.Read(ref _queuedCount);

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
            else if (_queued.Count >= _maxQueued)
            {
                refusal = new RequestNotSentException($"{_maxQueued} requests are waiting already.");
            }
            else
            {
                _queued.Enqueue(request);
                Volatile.Write(ref _queuedCount, _queued.Count);
            }
        }

        if (refusal is not null)
        {
            request.Fail(refusal);
        }
        else
        {
            _work.Wake();
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
                Volatile.Write(ref _queuedCount, _queued.Count);
            }
        }
    }

    /// <summary>Blocks until there may be something to send, or the time has passed, or <see cref="Wake"/> was called. Only for the writer.</summary>
    internal void WaitForWork(TimeSpan atMost) => _work.Wait(atMost, _hasWork);

    /// <summary>
    /// Lets other threads run first, the server's too if it is on this machine, when many requests are under way: there will be more to
    /// send, or to read, a moment later. Without this, a loaded client hands over requests and replies one at a time, and pays a switch
    /// of threads for each. A request that has the client to itself never waits.
    /// </summary>
    internal void GiveWayIfPipelined()
    {
        if (Volatile.Read(ref _inFlightCount) >= Pipelined)
        {
            Thread.Yield();
        }
    }

    /// <summary>Lets the writer look around although there is nothing to send.</summary>
    internal void Wake() => _work.Interrupt();

    /// <summary>
    /// Writes queued requests into the buffer, as many as the limits allow, and counts them as in flight from then on: whatever
    /// happens to the buffer, their bytes may have left. Only for the writer.
    /// </summary>
    /// <returns>True if the buffer holds something to send.</returns>
    internal bool TakeBatch(JuteWriter writer, int batchBytes, int maxRequestBytes)
    {
        long now = _clock.GetTimestamp();
        while (writer.Length < batchBytes
            && Volatile.Read(ref _inFlightCount) + _encoded.Count < _maxInFlight
            && TryClaim(out PendingRequest? request))
        {
            if (request.TryStartSending())
            {
                Encode(request, writer, now, maxRequestBytes);
            }
            else
            {
                lock (_gate)
                {
                    _abandoned = Math.Max(0, _abandoned - 1);
                }
            }
        }

        lock (_inFlightGate)
        {
            foreach (PendingRequest request in _encoded)
            {
                _inFlight.Enqueue(request);
            }

            Volatile.Write(ref _inFlightCount, _inFlight.Count);
        }

        _encoded.Clear();
        return writer.Length > 0;
    }

    /// <summary>The number of a frame that is sent before the requests of a connection.</summary>
    internal int TakeXid() => _xid = Protocol.Xid.After(_xid);

    /// <summary>Takes the oldest request in flight, to which the next ordinary reply belongs.</summary>
    /// <exception cref="ProtocolException">The reply is not for that request: the stream is broken.</exception>
    internal PendingRequest TakeAnswered(int xid)
    {
        bool wasFull;
        lock (_inFlightGate)
        {
            if (!_inFlight.TryPeek(out PendingRequest? request) || request.Xid != xid)
            {
                throw new ProtocolException($"a reply to request {xid}, which is not the oldest one");
            }

            wasFull = _inFlight.Count >= _maxInFlight;
            _lastAnswered = _inFlight.Dequeue();
            Volatile.Write(ref _inFlightCount, _inFlight.Count);
        }

        if (wasFull)
        {
            _work.Wake();
        }

        return _lastAnswered;
    }

    /// <summary>Call when the request that was taken last is completed: if it could not be read, it is settled with those in flight.</summary>
    internal void AnswerRead() => _lastAnswered = null;

    /// <summary>When the oldest request in flight was sent, as a timestamp of the clock; null if there is none.</summary>
    internal long? OldestSentAt()
    {
        lock (_inFlightGate)
        {
            return _inFlight.TryPeek(out PendingRequest? oldest) ? oldest.SentAt : null;
        }
    }

    /// <summary>
    /// Completes all requests in flight as unknown, and the one whose reply could not be read. Requests that wait to be sent stay. For
    /// the session, after the writer has stopped: what callers do next must not meet the connection that is gone.
    /// </summary>
    internal void FailInFlight(string reason, Exception? cause)
    {
        List<PendingRequest> lost = [];
        lock (_inFlightGate)
        {
            if (_lastAnswered is not null)
            {
                lost.Add(_lastAnswered);
            }

            lost.AddRange(_inFlight);
            _lastAnswered = null;
            _inFlight.Clear();
            Volatile.Write(ref _inFlightCount, 0);
        }

        lost.ForEach(request => request.Fail(new OutcomeUnknownException(reason, cause)));
    }

    /// <summary>Refuses everything that waits to be sent, and everything that comes later. For the session, after the writer has stopped.</summary>
    internal void End(SessionEnd end, string? reason)
    {
        PendingRequest[] waiting;
        lock (_gate)
        {
            _end = (end, reason);
            waiting = [.. _claimed, .. _queued];
            _claimed.Clear();
            _queued.Clear();
            Volatile.Write(ref _queuedCount, 0);
        }

        Array.ForEach(waiting, request => request.Fail(new SessionEndedException(end, reason)));
    }

    private bool TryClaim([NotNullWhen(true)] out PendingRequest? request)
    {
        if (_claimed.Count == 0 && Volatile.Read(ref _queuedCount) > 0)
        {
            lock (_gate)
            {
                while (_claimed.Count < MostClaimed && _queued.TryDequeue(out PendingRequest? next))
                {
                    _claimed.Enqueue(next);
                }

                Volatile.Write(ref _queuedCount, _queued.Count);
            }
        }

        return _claimed.TryDequeue(out request);
    }

    private void Encode(PendingRequest request, JuteWriter writer, long now, int maxRequestBytes)
    {
        int xid = Protocol.Xid.After(_xid);
        request.Number(xid, now);
        int frame = writer.BeginFrame();
        writer.WriteInt(xid);
        writer.WriteInt((int)request.Op);
        request.WriteTo(writer);
        int size = writer.EndFrame(frame);
        if (size > maxRequestBytes)
        {
            writer.Rewind(frame);
            request.Fail(new RequestTooLargeException(size, maxRequestBytes));
            return;
        }

        _xid = xid;
        _encoded.Add(request);
    }
}
