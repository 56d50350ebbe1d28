namespace LockService.Testing;

/// <summary>
/// A monotonic clock that moves only when told to, and a wall clock that may jump beside it, as a server's does. Timers run by the
/// system's clock: nothing here waits for them.
/// </summary>
public sealed class ManualClock : TimeProvider
{
    private long _ticks;
    private DateTimeOffset _wall = DateTimeOffset.UnixEpoch;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => Interlocked.Read(ref _ticks);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => _wall;

    /// <summary>Lets monotonic time pass.</summary>
    public void Advance(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);

    /// <summary>Sets the wall clock forward or back; no time passes.</summary>
    public void SetWall(TimeSpan by) => _wall += by;
}
