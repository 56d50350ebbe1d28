namespace LockService.Recipes.Sessions;

/// <summary>
/// Spreads the nodes of waiters over the instance's sessions: ZooKeeper cannot reload the transaction that closes a session with more than
/// about 2 MiB of ephemeral paths. The first session takes all that it may before the next one is used, since those who stand in one lock's
/// line hear of each other best on one session.
/// </summary>
internal sealed class WaiterSeats
{
    /// <summary>Nodes on one session: of the longest names, half of what ZooKeeper can reload.</summary>
    internal const int NodesPerSession = 2_000;

    private readonly int _limit;
    private readonly int[] _taken;
    private readonly Lock _gate = new();

    /// <param name="limit">Nodes on all sessions together.</param>
    internal WaiterSeats(int limit)
    {
        _limit = limit;
        _taken = new int[SessionsFor(limit)];
    }

    /// <summary>How many sessions so many waiters need.</summary>
    internal static int SessionsFor(int waiters) => (waiters + NodesPerSession - 1) / NodesPerSession;

    /// <summary>Takes seats on one session; dispose the result to give them back.</summary>
    /// <param name="nodes">How many nodes the caller creates, all on one session.</param>
    /// <exception cref="TooManyWaitersException">There is no room for them.</exception>
    internal Seats Take(int nodes)
    {
        lock (_gate)
        {
            int session = Array.FindIndex(_taken, taken => taken + nodes <= NodesPerSession);
            if (session < 0 || _taken.Sum() + nodes > _limit)
            {
                throw new TooManyWaitersException(_limit);
            }

            _taken[session] += nodes;
            return new Seats(this, session, nodes);
        }
    }

    /// <summary>Seats of one caller.</summary>
    internal sealed class Seats(WaiterSeats all, int session, int nodes) : IDisposable
    {
        private int _left = nodes;

        /// <summary>The session: 0 is the one that the instance does everything else with.</summary>
        internal int Session => session;

        public void Dispose()
        {
            lock (all._gate)
            {
                all._taken[session] -= _left;
                _left = 0;
            }
        }
    }
}
