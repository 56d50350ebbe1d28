using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>The one-shot watches of a session by the server's path, in the tables the server keeps them in.</summary>
internal sealed class WatchTable
{
    private static readonly WatchKind[] s_dataAndExist = [WatchKind.Data, WatchKind.Exist];
    private static readonly WatchKind[] s_child = [WatchKind.Child];
    private static readonly WatchKind[] s_all = [WatchKind.Data, WatchKind.Exist, WatchKind.Child];

    private readonly Lock _gate = new();
    private readonly Dictionary<(WatchKind Kind, string Path), List<Watch>> _watches = [];

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

    /// <summary>Completes the watches that the notification is for. One that nobody waits for is normal: it was removed meanwhile.</summary>
    internal void Notify(WatchEventType type, string serverPath)
    {
        foreach (WatchKind kind in Concerned(type))
        {
            List<Watch>? fired;
            lock (_gate)
            {
                _watches.Remove((kind, serverPath), out fired);
            }

            fired?.ForEach(watch => watch.Complete(type));
        }
    }

    /// <summary>All watches, for a new connection to register them.</summary>
    internal IReadOnlyList<(WatchKind Kind, string Path)> All()
    {
        lock (_gate)
        {
            return [.. _watches.Keys];
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
    }

    private static WatchKind[] Concerned(WatchEventType type) => type switch
    {
        WatchEventType.NodeCreated or WatchEventType.NodeDataChanged => s_dataAndExist,
        WatchEventType.NodeChildrenChanged => s_child,
        WatchEventType.NodeDeleted => s_all,
        _ => [],
    };

    private void Remove(WatchKind kind, string serverPath, Watch watch)
    {
        lock (_gate)
        {
            if (_watches.TryGetValue((kind, serverPath), out List<Watch>? watches) && watches.Remove(watch) && watches.Count == 0)
            {
                _watches.Remove((kind, serverPath));
            }
        }
    }
}
