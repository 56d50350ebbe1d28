using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// What a request changes about the watches, on this side and on the server's. What the server holds when it carries out a request
/// follows from the requests written before; hence the first step happens when the bytes are written, in their order, and the others
/// when the reply is read, before the next frame is.
/// </summary>
internal abstract class WatchChange
{
    /// <summary>The request is being written; by the writer alone.</summary>
    internal virtual void Writing()
    {
    }

    /// <summary>The server has carried it out.</summary>
    internal abstract void Done(WatchKind? kept);

    /// <summary>The server has refused it.</summary>
    internal virtual void Refused()
    {
    }

    /// <summary>It was carried out, but the caller had left.</summary>
    internal virtual void Abandoned()
    {
    }
}

/// <summary>A read that sets a one-shot watch.</summary>
internal sealed class OneShotWatching(WatchRequests requests, WatchKind asked, string serverPath, Watch watch) : WatchChange
{
    private bool _asks;

    /// <summary>Whether the read must ask for a watch, because no persistent registration reports the same. Decided when it is written.</summary>
    internal bool Asks() => _asks = requests.Table.MustAsk(asked, serverPath);

    internal override void Done(WatchKind? kept)
    {
        if (kept is not { } kind)
        {
            return;
        }

        requests.Table.Add(kind, serverPath, watch);
        watch.OnRemove(cancellation => requests.RemoveAsync(kind, serverPath, watch, cancellation));

        // The registration it relied on was refused, or removed, while it was on its way.
        if (!_asks && requests.Table.MustAsk(kind, serverPath))
        {
            requests.Table.Wake(serverPath, WatcherType.Any);
        }
    }

    internal override void Abandoned() => watch.Dispose();
}

/// <summary>The addition of a persistent watch.</summary>
internal sealed class PersistentWatching(WatchTable table, string serverPath, PersistentWatch watch) : WatchChange
{
    internal override void Writing() => table.Persistent.NoteRegistered(serverPath, watch.Scope);

    internal override void Done(WatchKind? kept)
    {
        watch.IsActive = true;

        // Servers before 3.9 keep one mode for a path: from now on it reports no more what the one-shot watches of the children wait for.
        if (watch.Scope == WatchScope.Subtree)
        {
            table.Wake(serverPath, WatcherType.Children);
        }
    }

    internal override void Refused() => table.Persistent.NoteRefused(serverPath, watch);
}

/// <summary>The removal of watches that nobody on this side needed when it was asked for.</summary>
internal sealed class WatchRemoval(WatchTable table, string serverPath, WatcherType type) : WatchChange
{
    internal override void Writing()
    {
        if (type == WatcherType.Any)
        {
            table.Persistent.NoteRemoved(serverPath);
        }
    }

    /// <summary>A watch that is there now came with a read on its way at the same time, and was taken away with the others.</summary>
    internal override void Done(WatchKind? kept) => table.Wake(serverPath, type);
}
