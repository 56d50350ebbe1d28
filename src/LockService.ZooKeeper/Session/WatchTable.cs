using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>The watches of a session by the server's path, the one-shot ones in the tables the server keeps them in.</summary>
internal sealed class WatchTable
{
    private static readonly WatchKind[] s_dataAndExist = [WatchKind.Data, WatchKind.Exist];
    private static readonly WatchKind[] s_child = [WatchKind.Child];
    private static readonly WatchKind[] s_all = [WatchKind.Data, WatchKind.Exist, WatchKind.Child];

    private readonly Lock _gate = new();
    private readonly Dictionary<(WatchKind Kind, string Path), List<Watch>> _watches = [];

    internal PersistentWatchTable Persistent { get; } = new();

    /// <summary>The watches that wait for an event, persistent ones included.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _watches.Values.Sum(watches => watches.Count) + Persistent.All().Length;
            }
        }
    }

    internal void Add(WatchKind kind, string serverPath, Watch watch)
    {
        lock (_gate)
        {
            if (!_watches.TryGetValue((kind, serverPath), out List<Watch>? watches))
            {
                _watches.Add((kind, serverPath), watches = []);
            }

            watches.Add(watch);
        }

        watch.OnDispose(w => Remove(kind, serverPath, w));
    }

    /// <returns>False if it was gone already, because it has fired or was removed before.</returns>
    internal bool Remove(WatchKind kind, string serverPath, Watch watch)
    {
        lock (_gate)
        {
            if (!_watches.TryGetValue((kind, serverPath), out List<Watch>? watches) || !watches.Remove(watch))
            {
                return false;
            }

            if (watches.Count == 0)
            {
                _watches.Remove((kind, serverPath));
            }

            return true;
        }
    }

    /// <summary>
    /// Completes the watches that the notification is for, and hands it to the persistent ones. One that nobody waits for is normal: it
    /// was removed meanwhile.
    /// </summary>
    internal void Notify(WatchEventType type, string serverPath)
    {
        foreach (WatchKind kind in Concerned(type))
        {
            Fire(kind, serverPath, type);
        }

        foreach (PersistentWatch watch in Persistent.Concerned(type, serverPath))
        {
            watch.Report(type, serverPath);
        }
    }

    /// <summary>Whether a read must ask for its watch, because no persistent registration of the path reports the same.</summary>
    internal bool MustAsk(WatchKind kind, string serverPath) => Persistent.Registered(serverPath) switch
    {
        WatchScope.Node => false,
        WatchScope.Subtree => kind == WatchKind.Child,
        _ => true,
    };

    /// <summary>What the server may forget about a path, now that a watch of this kind is gone; null if the rest is still needed.</summary>
    internal WatcherType? Superfluous(WatchKind gone, string serverPath)
    {
        lock (_gate)
        {
            bool wanted = Persistent.IsWanted(serverPath);
            bool needsData = _watches.ContainsKey((WatchKind.Data, serverPath)) || _watches.ContainsKey((WatchKind.Exist, serverPath));
            bool needsChild = _watches.ContainsKey((WatchKind.Child, serverPath));
            if (!wanted && !needsData && !needsChild && Persistent.Registered(serverPath) is not null)
            {
                return WatcherType.Any;
            }

            return gone switch
            {
                WatchKind.Data or WatchKind.Exist when !wanted && !needsData && MustAsk(gone, serverPath) => WatcherType.Data,
                WatchKind.Child when !wanted && !needsChild && MustAsk(gone, serverPath) => WatcherType.Children,
                _ => null,
            };
        }
    }

    /// <summary>Completes the one-shot watches of a path as if they had fired, because the server may have forgotten them.</summary>
    internal void Wake(string serverPath, WatcherType type)
    {
        if (type is WatcherType.Data or WatcherType.Any)
        {
            Fire(WatchKind.Data, serverPath, WatchEventType.NodeDataChanged);
            Fire(WatchKind.Exist, serverPath, WatchEventType.NodeCreated);
        }

        if (type is WatcherType.Children or WatcherType.Any)
        {
            Fire(WatchKind.Child, serverPath, WatchEventType.NodeChildrenChanged);
        }
    }

    /// <summary>
    /// All watches for a new connection to register, in an order that leaves each path with the mode that reports everything: first the
    /// one-shot ones, which are told what they missed; then the persistent ones, which replace them; last the children of nodes with a
    /// recursive watch, which would not report them.
    /// </summary>
    internal IReadOnlyList<(WatchKind Kind, string Path)> Reconnect()
    {
        (string Path, WatchScope Scope)[] persistent = Persistent.Reconnect();
        HashSet<string> recursive = [.. persistent.Where(watch => watch.Scope == WatchScope.Subtree).Select(watch => watch.Path)];
        lock (_gate)
        {
            ILookup<bool, (WatchKind Kind, string Path)> late =
                _watches.Keys.ToLookup(watch => watch.Kind == WatchKind.Child && recursive.Contains(watch.Path));
            return
            [
                .. late[false].OrderBy(watch => watch.Kind),
                .. persistent.Where(watch => watch.Scope == WatchScope.Node).Select(watch => (WatchKind.Persistent, watch.Path)),
                .. recursive.Select(path => (WatchKind.Recursive, path)),
                .. late[true],
            ];
        }
    }

    /// <summary>
    /// Tells the persistent watches that they have missed something, once they are registered again: requests of their owners are sent
    /// after the registration, so that what they read now has no second gap behind it.
    /// </summary>
    internal void ReportGap()
    {
        foreach (PersistentWatch watch in Persistent.All().Where(watch => watch.IsActive))
        {
            watch.ReportGap();
        }
    }

    /// <summary>Tells every watch that the session is gone; without this they would wait forever.</summary>
    internal void End()
    {
        List<Watch>[] all;
        lock (_gate)
        {
            all = [.. _watches.Values];
            _watches.Clear();
        }

        Array.ForEach(all, watches => watches.ForEach(watch => watch.Complete(WatchEventType.SessionEnded)));
        Array.ForEach(Persistent.All(), watch => watch.End());
    }

    private static WatchKind[] Concerned(WatchEventType type) => type switch
    {
        WatchEventType.NodeCreated or WatchEventType.NodeDataChanged => s_dataAndExist,
        WatchEventType.NodeChildrenChanged => s_child,
        WatchEventType.NodeDeleted => s_all,
        _ => [],
    };

    private void Fire(WatchKind kind, string serverPath, WatchEventType type)
    {
        List<Watch>? fired;
        lock (_gate)
        {
            _watches.Remove((kind, serverPath), out fired);
        }

        fired?.ForEach(watch => watch.Complete(type));
    }

}
