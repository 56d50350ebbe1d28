namespace LockService.ZooKeeper.Session;

/// <summary>
/// How the writer is woken. Nobody takes a lock, and nobody calls into the kernel, to wake a thread that is awake: under load almost
/// every request comes while the one before it is being sent.
/// </summary>
internal sealed class WorkSignal
{
    private readonly object _gate = new();
    private bool _sleeping;
    private bool _raised;

    /// <summary>Blocks until the signal, or until the time has passed. One thread at a time.</summary>
    /// <param name="atMost">The time.</param>
    /// <param name="hasWork">Whether there is something to do already; whoever makes it true calls <see cref="Wake"/> afterwards.</param>
    internal void Wait(TimeSpan atMost, Func<bool> hasWork)
    {
        lock (_gate)
        {
            _sleeping = true;

            // Either we see the work here, or who brought it sees us asleep: each side writes first and reads then.
            Interlocked.MemoryBarrier();
            if (!_raised && !hasWork())
            {
                Monitor.Wait(_gate, atMost);
            }

            _sleeping = false;
            _raised = false;
        }
    }

    /// <summary>Tells that there may be work.</summary>
    internal void Wake()
    {
        Interlocked.MemoryBarrier();
        if (!Volatile.Read(ref _sleeping))
        {
            return;
        }

        lock (_gate)
        {
            if (_sleeping)
            {
                _sleeping = false;
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Ends the present wait, or the next one, although there is no work.</summary>
    internal void Interrupt()
    {
        lock (_gate)
        {
            _raised = true;
            Monitor.Pulse(_gate);
        }
    }
}
