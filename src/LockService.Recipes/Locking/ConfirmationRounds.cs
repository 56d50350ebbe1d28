namespace LockService.Recipes.Locking;

/// <summary>
/// Lets those who stand in one line be confirmed together, and take the lock if it is their turn, before the next ones are: each confirmation has the
/// promotions refused that are under way (<see cref="Confirmation"/>), and many who share a lock would stand in one another's way. A courtesy: nothing depends
/// on it but time.
/// </summary>
internal sealed class ConfirmationRounds
{
    /// <summary>Many times what a round takes; then somebody of it is in trouble, and the others go on without him.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private TaskCompletionSource _next = NewSignal();
    private int _inside;
    private int _waiting;

    /// <summary>Waits for the next round, 100 ms at most. Whoever entered has to <see cref="Leave"/>, even if he has canceled.</summary>
    internal async Task EnterAsync(TimeProvider clock, CancellationToken cancellation)
    {
        Task next;
        lock (_gate)
        {
            if (_inside == 0)
            {
                _inside = 1;
                return;
            }

            _waiting++;
            next = _next.Task;
        }

        await next.WaitAsync(s_longest, clock, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            if (!next.IsCompleted)
            {
                _waiting--;
                _inside++;
            }
        }
    }

    internal void Leave()
    {
        lock (_gate)
        {
            _inside--;
            if (_inside == 0 && _waiting > 0)
            {
                (_inside, _waiting) = (_waiting, 0);
                _next.SetResult();
                _next = NewSignal();
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
