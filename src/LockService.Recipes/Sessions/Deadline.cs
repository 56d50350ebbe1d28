namespace LockService.Recipes.Sessions;

/// <summary>The moment by which a call must be answered, over all its steps and retries.</summary>
/// <param name="Timestamp">On the clock's monotonic scale.</param>
internal readonly record struct Deadline(long Timestamp)
{
    internal static Deadline After(TimeSpan time, TimeProvider clock) =>
        new(clock.GetTimestamp() + (long)(time.TotalSeconds * clock.TimestampFrequency));

    internal bool HasPassed(TimeProvider clock) => clock.GetTimestamp() >= Timestamp;

    /// <summary>What is left; zero once it has passed.</summary>
    internal TimeSpan Remaining(TimeProvider clock)
    {
        long now = clock.GetTimestamp();
        return now < Timestamp ? clock.GetElapsedTime(now, Timestamp) : TimeSpan.Zero;
    }
}
