namespace LockService.Recipes.Sessions;

/// <summary>Counts the waiters that an instance serves, up to a limit.</summary>
internal sealed class WaiterSlots(int limit)
{
    private int _taken;

    /// <summary>Number of waiters served at the moment.</summary>
    internal int Taken => Volatile.Read(ref _taken);

    /// <summary>Takes a slot; dispose the result to give it back.</summary>
    /// <exception cref="TooManyWaitersException">All are taken.</exception>
    internal IDisposable Take()
    {
        if (Interlocked.Increment(ref _taken) > limit)
        {
            Interlocked.Decrement(ref _taken);
            throw new TooManyWaitersException(limit);
        }

        return new Slot(this);
    }

    private sealed class Slot(WaiterSlots slots) : IDisposable
    {
        private int _given;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _given, 1) == 0)
            {
                Interlocked.Decrement(ref slots._taken);
            }
        }
    }
}
