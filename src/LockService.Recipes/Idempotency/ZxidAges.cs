namespace LockService.Recipes.Idempotency;

/// <summary>
/// Tells what is old without any wall clock: transactions up to one that was seen so long ago, by one's own monotonic clock. What was
/// committed later than the sighting has a higher zxid, so that nothing can look older than it is.
/// </summary>
internal sealed class ZxidAges(TimeSpan age, TimeProvider clock)
{
    /// <summary>Sightings within the age; they bound memory, and by how much things may look younger than they are.</summary>
    private const int Resolution = 32;

    private readonly Queue<(long At, long Zxid)> _sightings = new();
    private (long At, long Zxid) _latest;

    /// <summary>Whether the last sighting is so long ago that another one is of use.</summary>
    internal bool WantsSighting => _sightings.Count == 0 || clock.GetElapsedTime(_latest.At) >= age / Resolution;

    /// <summary>The highest transaction that is certainly as old as wanted; null if none is.</summary>
    internal long? Old { get; private set; }

    /// <summary>A transaction was committed before now.</summary>
    internal void See(long zxid)
    {
        if (_sightings.Count > 0 && zxid < _latest.Zxid)
        {
            // ZooKeeper's data was replaced by older data: what was seen before says nothing any more.
            _sightings.Clear();
            Old = null;
        }

        _latest = (clock.GetTimestamp(), zxid);
        _sightings.Enqueue(_latest);
        while (_sightings.TryPeek(out (long At, long Zxid) oldest) && clock.GetElapsedTime(oldest.At) >= age)
        {
            Old = oldest.Zxid;
            _sightings.Dequeue();
        }
    }
}
