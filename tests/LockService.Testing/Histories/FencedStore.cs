using System.Collections.Immutable;

namespace LockService.Testing.Histories;

/// <summary>
/// A list that holders of a lock read and write back with an element more, each with its fencing token. It refuses tokens below the highest
/// one it has seen, so that a holder who comes too late can destroy nothing; without the fence it can, as a control.
/// </summary>
public sealed class FencedStore(bool fenced)
{
    private readonly Lock _gate = new();
    private readonly List<long> _acknowledged = [];
    private ImmutableList<long> _list = [];
    private long _highest;

    /// <summary>The writes that were acknowledged.</summary>
    public int Acknowledged
    {
        get
        {
            lock (_gate)
            {
                return _acknowledged.Count;
            }
        }
    }

    /// <summary>Reads the list; null if the token is too old.</summary>
    public ImmutableList<long>? Read(long token)
    {
        lock (_gate)
        {
            return Admits(token) ? _list : null;
        }
    }

    /// <summary>Writes back what was read, with the token as its last element.</summary>
    /// <returns>False if the token is too old.</returns>
    public bool Write(long token, ImmutableList<long> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        lock (_gate)
        {
            if (!Admits(token))
            {
                return false;
            }

            _list = read.Add(token);
            _acknowledged.Add(token);
            return true;
        }
    }

    /// <summary>What acknowledged writes were lost, and elements that stand at the wrong place.</summary>
    public IReadOnlyList<string> Violations()
    {
        lock (_gate)
        {
            return
            [
                .. _acknowledged.Except(_list).Select(token => $"The acknowledged write with token {token} is lost."),
                .. _list.Zip(_list.Skip(1)).Where(pair => pair.First >= pair.Second).Select(pair => $"Token {pair.Second} was written after {pair.First}."),
            ];
        }
    }

    private bool Admits(long token)
    {
        if (fenced && token < _highest)
        {
            return false;
        }

        _highest = Math.Max(_highest, token);
        return true;
    }
}
