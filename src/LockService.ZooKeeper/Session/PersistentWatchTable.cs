namespace LockService.ZooKeeper.Session;

/// <summary>
/// The persistent watches of a session by the server's path: those that somebody on this side wants, and the registrations that the
/// server holds on the present connection. The second may be more: a registration that one-shot watches rely on outlives its owner.
/// </summary>
/// <remarks>
/// Servers from 3.6 to 3.8 keep one mode for each path and connection (ZOOKEEPER-4466). So all watches of one path have one scope, and
/// a read of a path whose registration reports the change anyway asks for no watch of its own, which would replace the registration.
/// </remarks>
internal sealed class PersistentWatchTable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<PersistentWatch>> _wanted = [];
    private readonly Dictionary<string, WatchScope> _registered = [];
    private int _recursive;

    /// <summary>Adds a watch, which gets no events until it is active.</summary>
    /// <exception cref="InvalidOperationException">The path has watches of the other scope.</exception>
    internal void Add(string serverPath, PersistentWatch watch)
    {
        lock (_gate)
        {
            if (!_wanted.TryGetValue(serverPath, out List<PersistentWatch>? watches))
            {
                _wanted.Add(serverPath, watches = []);
            }
            else if (watches[0].Scope != watch.Scope)
            {
                throw new InvalidOperationException(
                    $"'{watch.Path}' has a watch of scope {watches[0].Scope}; servers before 3.9 keep one scope for each path of a client.");
            }

            watches.Add(watch);
            _recursive += watch.Scope == WatchScope.Subtree ? 1 : 0;
        }
    }

    /// <returns>False if it was removed before.</returns>
    internal bool Remove(string serverPath, PersistentWatch watch)
    {
        lock (_gate)
        {
            if (!_wanted.TryGetValue(serverPath, out List<PersistentWatch>? watches) || !watches.Remove(watch))
            {
                return false;
            }

            _recursive -= watch.Scope == WatchScope.Subtree ? 1 : 0;
            if (watches.Count == 0)
            {
                _wanted.Remove(serverPath);
            }

            return true;
        }
    }

    internal bool IsWanted(string serverPath)
    {
        lock (_gate)
        {
            return _wanted.ContainsKey(serverPath);
        }
    }

    /// <summary>The scope that the server reports for a path, as of the last request written.</summary>
    internal WatchScope? Registered(string serverPath)
    {
        lock (_gate)
        {
            return _registered.TryGetValue(serverPath, out WatchScope scope) ? scope : null;
        }
    }

    internal void NoteRegistered(string serverPath, WatchScope scope)
    {
        lock (_gate)
        {
            _registered[serverPath] = scope;
        }
    }

    internal void NoteRemoved(string serverPath)
    {
        lock (_gate)
        {
            _registered.Remove(serverPath);
        }
    }

    /// <summary>Forgets the registration, unless another request for the same one was carried out or is on its way.</summary>
    internal void NoteRefused(string serverPath, PersistentWatch watch)
    {
        Remove(serverPath, watch);
        lock (_gate)
        {
            if (!_wanted.ContainsKey(serverPath))
            {
                _registered.Remove(serverPath);
            }
        }
    }

    /// <summary>Forgets the registrations of the last connection; what is wanted is registered on the next one.</summary>
    internal (string Path, WatchScope Scope)[] Reconnect()
    {
        lock (_gate)
        {
            _registered.Clear();
            foreach ((string path, List<PersistentWatch> watches) in _wanted)
            {
                _registered.Add(path, watches[0].Scope);
            }

            return [.. _registered.Select(entry => (entry.Key, entry.Value))];
        }
    }

    /// <summary>The active watches that an event is for: those of the path, and the recursive ones above it.</summary>
    internal PersistentWatch[] Concerned(WatchEventType type, string serverPath)
    {
        lock (_gate)
        {
            if (_wanted.Count == 0)
            {
                return [];
            }

            List<PersistentWatch> concerned = [];
            AddConcerned(concerned, type, serverPath, WatchScope.Node);
            for (string? path = serverPath; _recursive > 0 && path is not null; path = ParentOf(path))
            {
                AddConcerned(concerned, type, path, WatchScope.Subtree);
            }

            return [.. concerned];
        }
    }

    internal PersistentWatch[] All()
    {
        lock (_gate)
        {
            return [.. _wanted.Values.SelectMany(watches => watches)];
        }
    }

    /// <summary>A change of children reaches recursive watches too, when a child watch lies below them; it is not meant for them.</summary>
    private void AddConcerned(List<PersistentWatch> concerned, WatchEventType type, string path, WatchScope scope)
    {
        if (_wanted.TryGetValue(path, out List<PersistentWatch>? watches) && watches[0].Scope == scope
            && !(scope == WatchScope.Subtree && type == WatchEventType.NodeChildrenChanged))
        {
            concerned.AddRange(watches.Where(watch => watch.IsActive));
        }
    }

    private static string? ParentOf(string path) => path.Length == 1 ? null : path[..Math.Max(1, path.LastIndexOf('/'))];
}
