using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The callers of this instance who put messages into one queue, in order of arrival. One unit is under way at a time; all that arrive
/// meanwhile travel in the next one, which takes their numbers from the tail on its version.
/// </summary>
internal sealed class EnqueueLine(LocalQueue queue, QueueServices services)
{
    private const int MaxWaiting = 20_000;
    private const long MaxWaitingBytes = 64 * 1024 * 1024;

    /// <summary>Messages that share a unit; half of what a batch holds, since some need more operations than one.</summary>
    private const int MaxRound = 100;

    /// <summary>Bytes of bodies that share a unit, unless one request has more.</summary>
    private const int MaxRoundBytes = 256 * 1024;

    private readonly Lock _gate = new();
    private readonly Queue<EnqueueCall> _waiting = [];
    private readonly List<EnqueueCall> _round = [];
    private readonly QueueLength _length = new(queue, services);
    private long _waitingBytes;
    private bool _running;

    /// <summary>Whether nobody stands in it.</summary>
    internal bool IsIdle
    {
        get
        {
            lock (_gate)
            {
                return !_running;
            }
        }
    }

    /// <summary>Joins the line.</summary>
    internal void Add(EnqueueCall call)
    {
        lock (_gate)
        {
            if (_waiting.Count >= MaxWaiting || _waitingBytes + call.Bytes > MaxWaitingBytes)
            {
                call.Fail(new StoreUnavailableException("Too many messages wait to be put into the queue already."));
                return;
            }

            _waiting.Enqueue(call);
            _waitingBytes += call.Bytes;
            if (_running)
            {
                return;
            }

            _running = true;
        }

        _ = RunAsync();
    }

    private async Task RunAsync()
    {
        while (TakeRound())
        {
            try
            {
                await ServeAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                if (queue.Tail is { } tail)
                {
                    queue.Forget(tail);
                }

                _round.ForEach(call => call.Fail(e));
            }
        }
    }

    private bool TakeRound()
    {
        _round.Clear();
        lock (_gate)
        {
            int messages = 0;
            int bytes = 0;
            while (_waiting.TryPeek(out EnqueueCall? next))
            {
                messages += next.Messages.Count;
                bytes += next.Bytes;
                if (_round.Count > 0 && (messages > MaxRound || bytes > MaxRoundBytes))
                {
                    break;
                }

                _round.Add(_waiting.Dequeue());
                _waitingBytes -= next.Bytes;
            }

            return _running = _round.Count > 0;
        }
    }

    /// <summary>Carries out the calls of a round in one unit, as often as it takes to be the one who sets the tail.</summary>
    private async Task ServeAsync()
    {
        while (DropAnswered())
        {
            // All waited equally long at most, so the first is the first whose time is over.
            Sessions.Deadline deadline = _round[0].Deadline;
            KnownTail? tail = queue.Tail ?? await queue.FindAsync(deadline).ConfigureAwait(false);
            if (tail is not null && !await MakeRoomAsync(tail, deadline).ConfigureAwait(false))
            {
                // The tail has moved on, or nobody is left.
                continue;
            }

            EnqueueRound round = EnqueueRound.Build(queue, tail, _round, services.Segments, services.Time.Now);
            CommitResult result = await services.Lanes.CommitAsync(round.Unit, deadline, CancellationToken.None).ConfigureAwait(false);
            if (result.Committed)
            {
                TakeIn(round, result);
                return;
            }

            await RecoverAsync(round, result, deadline).ConfigureAwait(false);
        }
    }

    /// <returns>Whether anybody still waits.</returns>
    private bool DropAnswered()
    {
        foreach (EnqueueCall late in _round.Where(call => call.Deadline.HasPassed(services.Clock)))
        {
            late.Fail(new StoreUnavailableException("Others kept changing the queue until the time was over."));
        }

        _round.RemoveAll(call => call.IsAnswered);
        return _round.Count > 0;
    }

    /// <summary>Refuses those for whom there is no room.</summary>
    /// <returns>False if this must be begun anew.</returns>
    private async Task<bool> MakeRoomAsync(KnownTail tail, Sessions.Deadline deadline)
    {
        long wanted = _round.Sum(call => (long)call.Messages.Count - call.Duplicates.Count);
        if (wanted <= _length.KnownRoom(tail))
        {
            return true;
        }

        if (await _length.CountAsync(deadline).ConfigureAwait(false) is not ({ } counted, long room) || counted.Tree != tail.Tree)
        {
            return false;
        }

        foreach (EnqueueCall call in _round)
        {
            int count = call.Messages.Count - call.Duplicates.Count;
            if (count <= room)
            {
                room -= count;
            }
            else
            {
                call.Fail(new QueueFullException(queue.Name, counted.Record.Settings.MaxLength));
            }
        }

        _round.RemoveAll(call => call.IsAnswered);
        return counted.Version == tail.Version && _round.Count > 0;
    }

    private void TakeIn(EnqueueRound round, CommitResult result)
    {
        services.Segments.Learn(round.Unit);
        queue.Learn(round.After);
        foreach (EnqueuedMessage message in round.Messages.Where(message => message.Delay > TimeSpan.Zero))
        {
            services.Delays.Add(round.Tree.Delivery(message.Name), version: 0, message.Delay);
        }

        queue.Dispenser.Enqueued(round, result.CommittedAtMs);
        _round.ForEach(call => call.Settle());
    }

    private async Task RecoverAsync(EnqueueRound round, CommitResult refusal, Sessions.Deadline deadline)
    {
        if (_round.Find(call => call.Record?.Refused(round.Unit, refusal) == true) is { } repeated)
        {
            repeated.Collide();
            return;
        }

        if (round.Unit.Operations[refusal.FailedIndex] is { } failed && round.KeyAt(PathOf(failed)) is { } user
            && refusal.Error is ErrorCode.NodeExists or ErrorCode.BadVersion)
        {
            await FindDuplicateAsync(PathOf(failed), user.Call, user.Index, deadline).ConfigureAwait(false);
            return;
        }

        if (services.Segments.Explain(round.Unit, refusal))
        {
            return;
        }

        switch (refusal.Error)
        {
            case ErrorCode.NoNode when round.Creates && refusal.FailedIndex <= 1:
                await queue.EnsureParentsAsync(deadline).ConfigureAwait(false);
                break;
            case ErrorCode.BadVersion or ErrorCode.NoNode or ErrorCode.NodeExists:
                // Somebody else has enqueued since, made the queue or removed it.
                await queue.FindAsync(deadline).ConfigureAwait(false);
                break;
            default:
                throw new StoreUnavailableException($"ZooKeeper refuses the messages: {refusal.Error}.");
        }
    }

    /// <summary>A message's key is known already: either its message repeats an earlier one, or the key's window is over.</summary>
    private async Task FindDuplicateAsync(string path, EnqueueCall call, int index, Sessions.Deadline deadline)
    {
        NodeData? node = await services.Store.ReadAsync(
            async (client, token) =>
            {
                Task sync = client.SyncAsync(path, token);
                Task<NodeData?> read = client.GetDataAsync(path, token);
                await Task.WhenAll(sync, read).ConfigureAwait(false);
                return await read.ConfigureAwait(false);
            },
            deadline).ConfigureAwait(false);
        call.Outdated.Remove(index);
        if (node is null)
        {
            return;
        }

        if (Deduplication.Parse(node.Data) is { } earlier && earlier.ExpiresAt > services.Time.Now)
        {
            call.Duplicates[index] = earlier.MessageId;
        }
        else
        {
            call.Outdated[index] = node.Stat.Version;
        }
    }

    private static string PathOf(UnitOperation operation) => operation switch
    {
        UnitOperation.Create create => create.Path,
        UnitOperation.SetData set => set.Path,
        _ => "",
    };
}
