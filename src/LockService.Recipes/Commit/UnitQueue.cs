namespace LockService.Recipes.Commit;

/// <summary>The units that wait for a batch, oldest first; bounded in number and bytes.</summary>
internal sealed class UnitQueue(int maxUnits, long maxBytes)
{
    /// <summary>How far to look for more units of a resource.</summary>
    private const int MaxLookedAt = 1_000;

    private readonly Lock _gate = new();
    private Queue<PendingUnit> _waiting = new();
    private long _bytes;
    private long _due = long.MaxValue;
    private bool _closed;

    /// <summary>Adds a unit; false if there is no room, or nobody takes anything any more.</summary>
    internal bool TryAdd(PendingUnit unit)
    {
        lock (_gate)
        {
            if (_closed || _waiting.Count >= maxUnits || _bytes + unit.Unit.Bytes > maxBytes)
            {
                return false;
            }

            _waiting.Enqueue(unit);
            _bytes += unit.Unit.Bytes;
            _due = Math.Min(_due, unit.Due);
            return true;
        }
    }

    /// <summary>When the first of those that wait loses its patience, as a timestamp of the clock; <see cref="long.MaxValue"/> if none waits.</summary>
    internal long Due
    {
        get
        {
            lock (_gate)
            {
                return _due;
            }
        }
    }

    /// <summary>Number of units that wait.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>Takes the oldest units, as many as fit, and at least one if any waits.</summary>
    internal List<PendingUnit> Take(int operations, int bytes)
    {
        var taken = new List<PendingUnit>();
        lock (_gate)
        {
            while (_waiting.TryPeek(out PendingUnit? next))
            {
                operations -= next.Unit.Operations.Count;
                bytes -= next.Unit.Bytes;
                if (taken.Count > 0 && (operations < 0 || bytes < 0))
                {
                    break;
                }

                _waiting.Dequeue();
                _bytes -= next.Unit.Bytes;
                if (!next.IsAnswered)
                {
                    taken.Add(next);
                }
            }

            // What had to be left behind has waited long enough.
            _due = _waiting.Count > 0 ? 0 : long.MaxValue;
        }

        return taken;
    }

    /// <summary>
    /// As <see cref="Take"/>, but only units of the resource whose unit is the oldest. The others keep their places. None means that none is left:
    /// if all units of a resource were given up, those of the next one are taken.
    /// </summary>
    internal List<PendingUnit> TakeOneResource(int operations, int bytes)
    {
        lock (_gate)
        {
            List<PendingUnit> taken = [];
            while (taken.Count == 0 && _waiting.TryPeek(out PendingUnit? oldest))
            {
                PendingUnit[] before = [.. _waiting];
                string resource = oldest.Unit.Resource;
                _waiting = new Queue<PendingUnit>(before.Take(MaxLookedAt).Where(unit => unit.Unit.Resource == resource));
                taken = Take(operations, bytes);
                var left = _waiting.ToHashSet();
                _waiting = new Queue<PendingUnit>(before.Where((unit, i) => i >= MaxLookedAt || unit.Unit.Resource != resource || left.Contains(unit)));
                _due = _waiting.Count > 0 ? 0 : long.MaxValue;
            }

            return taken;
        }
    }

    /// <summary>Answers everybody, and refuses who comes later: nobody takes anything any more.</summary>
    internal void Close()
    {
        lock (_gate)
        {
            _closed = true;
            ExpireAt(long.MaxValue);
        }
    }

    /// <summary>Answers those whose deadline has passed, and makes room for others.</summary>
    internal void ExpireAt(long now)
    {
        lock (_gate)
        {
            bool anyLeft = false;
            foreach (PendingUnit unit in _waiting)
            {
                unit.ExpireAt(now);
                anyLeft |= unit.IsAnswered;
            }

            if (anyLeft)
            {
                _waiting = new Queue<PendingUnit>(_waiting.Where(unit => !unit.IsAnswered));
                _bytes = _waiting.Sum(unit => (long)unit.Unit.Bytes);
            }
        }
    }
}
