namespace LockService.Recipes.Locking;

/// <summary>The lines of all locks for which somebody waits in this instance.</summary>
internal sealed class LockLines
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LockLine> _lines = [];

    /// <summary>The line of a lock; null if nobody waits for it here.</summary>
    internal LockLine? Find(string directory)
    {
        lock (_gate)
        {
            return _lines.GetValueOrDefault(directory);
        }
    }

    /// <summary>Adds a place whose node has been created.</summary>
    internal LockLine Join(string directory, Place place)
    {
        lock (_gate)
        {
            if (!_lines.TryGetValue(directory, out LockLine? line))
            {
                _lines.Add(directory, line = new LockLine());
            }

            line.Add(place);
            return line;
        }
    }

    /// <summary>Takes a place out, and forgets the line if it was the last one.</summary>
    internal void Leave(string directory, LockLine line, Place place)
    {
        lock (_gate)
        {
            if (line.Remove(place))
            {
                _lines.Remove(directory);
            }
        }
    }
}
