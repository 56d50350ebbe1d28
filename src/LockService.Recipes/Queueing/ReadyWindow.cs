using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The ready messages at the head of a queue, as far as this instance knows: enough to serve the next callers without reading, and never more
/// than a few segments, however long the queue is. What was done here is taken in without reading; what others did is found by the tail's
/// numbers and the count of returns. A wrong belief is refused when a message is leased, and then all is read anew.
/// </summary>
/// <remarks>
/// For each priority, every ready message whose number is below a bound is known; behind it lies what was not looked at. Used by the dispenser
/// alone, except for <see cref="Enqueued"/> and <see cref="Returned"/>, whose news it takes in when it looks.
/// </remarks>
internal sealed class ReadyWindow(LocalQueue queue, QueueServices services)
{
    /// <summary>Ready messages known at once; what is enqueued beyond is found when it is its turn.</summary>
    private const int MaxReady = 4_096;

    /// <summary>Bytes of bodies that are kept until they are delivered.</summary>
    private const int MaxBodyBytes = 4 * 1024 * 1024;

    private const int MaxNews = 1_000;

    private readonly Lock _gate = new();
    private readonly SortedDictionary<long, ReadyMessage>[] _ready = [.. Enumerable.Range(0, MessageName.Priorities).Select(_ => new SortedDictionary<long, ReadyMessage>())];
    private readonly long[] _bound = new long[MessageName.Priorities];
    private readonly long[] _next = new long[MessageName.Priorities];
    private List<Action> _news = [];
    private bool _listening;
    private bool _missed;
    private int _ownReturns;
    private int? _returnsSeen;
    private ZooKeeperClient? _client;
    private int _bodyBytes;

    /// <summary>The queue that was seen last; null if there was none, or nothing is known.</summary>
    internal KnownTail? Tail { get; private set; }

    /// <summary>Messages were enqueued here.</summary>
    internal void Enqueued(EnqueueRound round, long committedAtMs) => Hear(() => TakeIn(round, committedAtMs), returns: 0);

    /// <summary>Messages were made ready again here, in one unit.</summary>
    internal void Returned(string life, IReadOnlyList<ReadyMessage> messages) => Hear(
        () =>
        {
            if (Tail?.Tree.Life == life)
            {
                foreach (ReadyMessage message in messages.Where(message => message.Name.Number < _bound[message.Name.Priority]))
                {
                    Add(message);
                }
            }
        },
        returns: 1);

    /// <summary>The tail and the returns were read, behind a watch.</summary>
    internal void Seen(ZooKeeperClient client, KnownTail tail, int returns) => Hear(
        () =>
        {
            if (Tail is null)
            {
                return;
            }

            int own;
            lock (_gate)
            {
                own = _ownReturns;
            }

            // Returns of one's own that are counted already and were not when this was read can hide another's, for as long as it takes until
            // the next reading that waits for its answer.
            if (client != _client || Tail.Tree.Life != tail.Tree.Life || _returnsSeen is not { } seen || unchecked(returns - seen - own) > 0)
            {
                Reset();
                return;
            }

            Foresee(tail.Record);
        },
        returns: 0);

    /// <summary>One's own sign for the others, that is no sign for oneself.</summary>
    internal void Touched() => Hear(() => { }, returns: 1);

    /// <summary>Nothing that is known can be relied on any more.</summary>
    internal void Reset() => Reset(null, null);

    /// <summary>Takes the first ready messages out of the window, those of higher priority first, then in order of their numbers.</summary>
    /// <param name="max">How many.</param>
    /// <param name="expired">Messages that were found to have had their time.</param>
    /// <param name="toLoad">The priority that must be loaded before anything behind it can be taken; null if everything ready is known.</param>
    internal List<ReadyMessage> Take(int max, List<ReadyMessage> expired, out int? toLoad)
    {
        TakeInNews();
        toLoad = null;
        var taken = new List<ReadyMessage>();
        long now = services.Time.Now;
        for (int priority = MessageName.Priorities - 1; priority >= 0 && taken.Count < max; priority--)
        {
            SortedDictionary<long, ReadyMessage> ready = _ready[priority];
            while (taken.Count < max && ready.Count > 0)
            {
                ReadyMessage first = ready.First().Value;
                ready.Remove(first.Name.Number);
                _bodyBytes -= first.Content?.Body.Length ?? 0;
                (first.Name.ExpiresAt != 0 && first.Name.ExpiresAt <= now ? expired : taken).Add(first);
            }

            if (taken.Count < max && _bound[priority] < _next[priority])
            {
                toLoad = priority;
                break;
            }
        }

        return taken;
    }

    /// <summary>Puts back what was taken and not leased, for a reason that lies elsewhere.</summary>
    internal void PutBack(IEnumerable<ReadyMessage> messages)
    {
        foreach (ReadyMessage message in messages)
        {
            Add(message);
        }
    }

    /// <summary>Reads whether there is something that is not known, and forgets everything if what is known may be wrong.</summary>
    /// <param name="client">The session.</param>
    /// <param name="latest">Whether every change acknowledged before must be seen.</param>
    /// <param name="cancellation">Gives up.</param>
    internal async Task<bool> RefreshAsync(ZooKeeperClient client, bool latest, CancellationToken cancellation)
    {
        int own;
        lock (_gate)
        {
            // What happens here from now on is heard of, and taken in behind what is read.
            _listening = true;
            own = _ownReturns;
        }

        while (true)
        {
            if ((queue.Tail ?? await queue.FindAsync(client, cancellation).ConfigureAwait(false)) is not { } tail)
            {
                Reset(null, null);
                return false;
            }

            // A new session may be with a server that is behind what was seen on the last one.
            Task sync = latest || client != _client ? client.SyncAsync(tail.Tree.Tail, cancellation) : Task.CompletedTask;
            Task<ReadBatchResult> read = client.ReadAsync(new ReadBatch().GetData(tail.Tree.Tail).GetData(tail.Tree.Returns), cancellation);
            await Task.WhenAll(sync, read).ConfigureAwait(false);
            ReadBatchResult result = await read.ConfigureAwait(false);
            if (result.Data(0) is { } node && result.Data(1) is { } returns)
            {
                TakeIn(client, new KnownTail(tail.Tree, node.Stat.Version, TailRecord.Parse(node.Data)), returns.Stat.Version, own);
                return true;
            }

            queue.Forget(tail);
        }
    }

    /// <summary>Loads the next segment of a priority that has ready messages, or finds that there is none.</summary>
    /// <returns>False if the window must be refreshed first.</returns>
    internal async Task<bool> LoadAsync(ZooKeeperClient client, int priority, CancellationToken cancellation)
    {
        if (client != _client || Tail is not { } tail)
        {
            Reset(null, null);
            return false;
        }

        LoadedSegment loaded = await SegmentReader.LoadNextAsync(
            client, tail.Tree, priority, _bound[priority], _next[priority], cancellation).ConfigureAwait(false);
        foreach (ReadyMessage message in loaded.Ready)
        {
            Add(message);
        }

        _bound[priority] = Math.Max(_bound[priority], loaded.Bound);
        _next[priority] = Math.Max(_next[priority], _bound[priority]);
        return true;
    }

    private void TakeIn(ZooKeeperClient client, KnownTail tail, int returns, int own)
    {
        queue.Learn(tail);
        if (client != _client || Tail?.Tree.Life != tail.Tree.Life || _returnsSeen is not { } seen || returns != unchecked(seen + own))
        {
            Reset(client, returns);
        }

        Tail = tail;
        Foresee(tail.Record);
    }

    private void Foresee(TailRecord tail)
    {
        for (int priority = 0; priority < MessageName.Priorities; priority++)
        {
            _next[priority] = Math.Max(_next[priority], tail.Next[priority]);
        }
    }

    private void TakeIn(EnqueueRound round, long committedAtMs)
    {
        if (Tail?.Tree.Life != round.Tree.Life)
        {
            return;
        }

        foreach (EnqueuedMessage message in round.Messages)
        {
            (int priority, long number, long _) = message.Name;
            _next[priority] = Math.Max(_next[priority], number + 1);
            if (number == _bound[priority] && _ready[priority].Count < MaxReady)
            {
                _bound[priority]++;
                if (message.Delay == TimeSpan.Zero)
                {
                    MessageContent? content = _bodyBytes < MaxBodyBytes ? new MessageContent(message.Body, committedAtMs) : null;
                    Add(new ReadyMessage(message.Name, null, 0, content));
                }
            }
        }
    }

    private void Add(ReadyMessage message)
    {
        if (_ready[message.Name.Priority].TryAdd(message.Name.Number, message))
        {
            _bodyBytes += message.Content?.Body.Length ?? 0;
        }
    }

    private void Hear(Action news, int returns)
    {
        lock (_gate)
        {
            if (_listening)
            {
                _ownReturns += returns;
                _missed |= _news.Count >= MaxNews;
                if (!_missed)
                {
                    _news.Add(news);
                }
            }
        }
    }

    private void TakeInNews()
    {
        List<Action> news;
        bool missed;
        lock (_gate)
        {
            (news, _news) = (_news, []);
            (missed, _missed) = (_missed, false);
        }

        if (missed)
        {
            Reset(null, null);
            return;
        }

        news.ForEach(take => take());
    }

    private void Reset(ZooKeeperClient? client, int? returns)
    {
        Array.ForEach(_ready, ready => ready.Clear());
        Array.Clear(_bound);
        Array.Clear(_next);
        _bodyBytes = 0;
        (_client, _returnsSeen, Tail) = (client, returns, null);
        lock (_gate)
        {
            _ownReturns = 0;
        }
    }
}
