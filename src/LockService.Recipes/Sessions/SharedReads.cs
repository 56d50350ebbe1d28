using System.Runtime.CompilerServices;
using LockService.ZooKeeper;

namespace LockService.Recipes.Sessions;

/// <summary>
/// Reads that belong to one moment travel together: while a round is under way on a session, further reads collect, and the next round
/// takes them all in one request, behind one sync if any of them must be up to date.
/// </summary>
/// <remarks>
/// An idle session is read at once. A round is no snapshot: each read is one by itself. Lost connection: whoever was in the round is told,
/// and asks again (<see cref="AgainAsync"/>) or not. A caller who leaves stays in the round that was sent, to nobody's harm.
/// </remarks>
internal sealed class SharedReads
{
    /// <summary>What a round reads at most: 128 directories, so that its answer is not felt by those who wait for another.</summary>
    private const int MaxParts = 256;

    private readonly ConditionalWeakTable<ZooKeeperClient, Line> _lines = [];

    /// <summary>Lists a directory.</summary>
    /// <param name="client">The session.</param>
    /// <param name="path">The directory.</param>
    /// <param name="latest">Whether the answer must reflect every change that was acknowledged to anybody before the call.</param>
    /// <param name="cancellation">Leaves.</param>
    /// <returns>Null if there is no such node.</returns>
    /// <exception cref="RequestRefusedException">The server refused to read it.</exception>
    internal async Task<DirectoryListing?> ListAsync(ZooKeeperClient client, string path, bool latest, CancellationToken cancellation) =>
        (await ListAsync(client, [path], latest, cancellation).ConfigureAwait(false))[0];

    /// <summary>Lists several directories, each by itself: they are no snapshot together.</summary>
    internal async Task<DirectoryListing?[]> ListAsync(
        ZooKeeperClient client, IReadOnlyList<string> paths, bool latest, CancellationToken cancellation)
    {
        var request = new Request(DirectoryListing.Parts * paths.Count, latest, batch =>
        {
            foreach (string path in paths)
            {
                DirectoryListing.AddTo(batch, path);
            }
        });
        ReadBatchResult result = await ReadAsync(client, request, cancellation).ConfigureAwait(false);
        return [.. paths.Select((_, i) => DirectoryListing.From(result, request.Index + (DirectoryListing.Parts * i)))];
    }

    /// <summary>Reads the data of nodes.</summary>
    /// <param name="client">The session.</param>
    /// <param name="paths">The nodes.</param>
    /// <param name="latest">As for a listing.</param>
    /// <param name="cancellation">Leaves.</param>
    /// <returns>For each path the node, or null if there is none.</returns>
    /// <exception cref="RequestRefusedException">The server refused to read one of them.</exception>
    internal async Task<NodeData?[]> GetDataAsync(
        ZooKeeperClient client, IReadOnlyList<string> paths, bool latest, CancellationToken cancellation)
    {
        if (paths.Count == 0)
        {
            return [];
        }

        var request = new Request(paths.Count, latest, batch =>
        {
            foreach (string path in paths)
            {
                batch.GetData(path);
            }
        });
        ReadBatchResult result = await ReadAsync(client, request, cancellation).ConfigureAwait(false);
        return [.. paths.Select((_, i) => result.Data(request.Index + i))];
    }

    /// <summary>Repeats a read on one session, across reconnections, until it is answered.</summary>
    internal static async Task<T> AgainAsync<T>(Func<CancellationToken, Task<T>> read, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await read(cancellation).ConfigureAwait(false);
            }
            catch (OutcomeUnknownException)
            {
                // The client is reconnecting, and the next request waits for that.
            }
        }
    }

    private Task<ReadBatchResult> ReadAsync(ZooKeeperClient client, Request request, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _lines.GetValue(client, static of => new Line(of)).Add(request);
        return request.Answer.Task.WaitAsync(cancellation);
    }

    /// <summary>The reads of one session.</summary>
    private sealed class Line(ZooKeeperClient client)
    {
        private readonly Lock _gate = new();
        private readonly Queue<Request> _waiting = new();
        private bool _running;

        internal void Add(Request request)
        {
            lock (_gate)
            {
                _waiting.Enqueue(request);
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
            while (TakeRound() is { } round)
            {
                try
                {
                    ReadBatchResult result = await ReadAsync(round).ConfigureAwait(false);
                    round.ForEach(request => request.Answer.TrySetResult(result));
                }
                catch (Exception e)
                {
                    round.ForEach(request => request.Fail(e));
                }
            }
        }

        private List<Request>? TakeRound()
        {
            lock (_gate)
            {
                var round = new List<Request>();
                int parts = 0;
                while (_waiting.TryPeek(out Request? next) && (parts == 0 || parts + next.Parts <= MaxParts))
                {
                    parts += next.Parts;
                    round.Add(_waiting.Dequeue());
                }

                _running = parts > 0;
                return _running ? round : null;
            }
        }

        private async Task<ReadBatchResult> ReadAsync(List<Request> round)
        {
            var batch = new ReadBatch();
            foreach (Request request in round)
            {
                request.Index = batch.Count;
                request.AddTo(batch);
            }

            // The server answers a session in order: what is read behind a sync is at least as new, in the same round trip.
            Task sync = round.Exists(request => request.Latest) ? client.SyncAsync("/") : Task.CompletedTask;
            Task<ReadBatchResult> read = client.ReadAsync(batch);
            // Both, so that no failure of the second stays unobserved when the first has failed.
            await Task.WhenAll(sync, read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await sync.ConfigureAwait(false);
            return await read.ConfigureAwait(false);
        }
    }

    private sealed class Request(int parts, bool latest, Action<ReadBatch> addTo)
    {
        internal int Parts => parts;

        internal bool Latest => latest;

        internal Action<ReadBatch> AddTo => addTo;

        /// <summary>Where its results begin in the round's.</summary>
        internal int Index { get; set; }

        internal TaskCompletionSource<ReadBatchResult> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal void Fail(Exception failure)
        {
            Answer.TrySetException(failure);
            // Whoever has left does not look.
            _ = Answer.Task.Exception;
        }
    }
}
