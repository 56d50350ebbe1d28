namespace LockService.Testing;

/// <summary>Waits for a condition instead of for a time, so that a test is as fast as the machine and fails only when something is wrong.</summary>
public static class Eventually
{
    /// <summary>Far more than anything here needs, so that a loaded machine does not fail a test.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(10);

    /// <summary>Looks at the condition every few milliseconds until it holds.</summary>
    /// <param name="reason">What is waited for, as a clause: "the waiter's node is gone".</param>
    /// <param name="condition">The condition.</param>
    /// <param name="deadline">Default: 30 s.</param>
    /// <exception cref="TimeoutException">It did not hold in time; the message is the reason.</exception>
    public static Task TrueAsync(string reason, Func<bool> condition, TimeSpan? deadline = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return TrueAsync(reason, () => Task.FromResult(condition()), deadline);
    }

    /// <inheritdoc cref="TrueAsync(string, Func{bool}, TimeSpan?)"/>
    public static async Task TrueAsync(string reason, Func<Task<bool>> condition, TimeSpan? deadline = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        long start = TimeProvider.System.GetTimestamp();
        TimeSpan limit = deadline ?? DefaultDeadline;
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(start) > limit)
            {
                throw new TimeoutException($"Not within {limit.TotalSeconds} s: {reason}.");
            }

            await Task.Delay(s_interval, TimeProvider.System);
        }
    }

    /// <summary>Awaits a task that should complete soon; a hang becomes a failure that says what was waited for.</summary>
    /// <exception cref="TimeoutException">It did not complete in time.</exception>
    public static async Task<T> CompletesAsync<T>(string reason, Task<T> task, TimeSpan? deadline = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        await CompletesAsync(reason, (Task)task, deadline);
        return await task;
    }

    /// <inheritdoc cref="CompletesAsync{T}(string, Task{T}, TimeSpan?)"/>
    public static async Task CompletesAsync(string reason, Task task, TimeSpan? deadline = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        TimeSpan limit = deadline ?? DefaultDeadline;
        if (await Task.WhenAny(task, Task.Delay(limit, TimeProvider.System)) != task)
        {
            throw new TimeoutException($"Not within {limit.TotalSeconds} s: {reason}.");
        }

        await task;
    }
}
