using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>The requests of a session that set and remove watches.</summary>
internal sealed class WatchRequests(SessionLoop session, Chroot chroot, TimeProvider clock)
{
    /// <summary>Held while a watch comes or goes on this side and the request for it is queued: both happen in the same order.</summary>
    private readonly Lock _order = new();

    internal WatchTable Table => session.Watches;

    /// <summary>Sends a read that sets a one-shot watch.</summary>
    internal async Task<Watched<TReply>> ReadAsync<TMessage, TReply>(
        Func<string, Func<bool>, TMessage> message, WatchKind kind, string serverPath, string path, CancellationToken cancellation)
        where TMessage : struct, IMessage<TReply>
    {
        var watch = new Watch(path);
        var change = new OneShotWatching(this, kind, serverPath, watch);
        var request = new PendingRequest<TMessage, TReply>(message(serverPath, change.Asks), path) { Change = change };
        TReply value = await session.Send(request, cancellation).ConfigureAwait(false);
        return new Watched<TReply>(value, watch);
    }

    internal async Task<Watched<NodeData>?> ReadDataAsync(string serverPath, string path, CancellationToken cancellation)
    {
        Watched<NodeData?> read = await ReadAsync<GetDataMessage, NodeData?>(
            static (node, asks) => new GetDataMessage(node, asks), WatchKind.Data, serverPath, path, cancellation).ConfigureAwait(false);
        return read.Value is null ? null : new Watched<NodeData>(read.Value, read.Watch);
    }

    internal async Task<PersistentWatch> AddAsync(string path, WatchScope scope, int bufferSize, CancellationToken cancellation)
    {
        string serverPath = chroot.Apply(path);
        var watch = new PersistentWatch(path, scope, bufferSize, chroot, RemoveAsync, clock);
        var request = new PendingRequest<AddWatchMessage, Nothing>(new AddWatchMessage(serverPath, scope), path)
        {
            Change = new PersistentWatching(Table, serverPath, watch),
        };
        Task<Nothing> added;
        lock (_order)
        {
            Table.Persistent.Add(serverPath, watch);
            added = session.Send(request, cancellation);
        }

        try
        {
            await added.ConfigureAwait(false);
            return watch;
        }
        catch
        {
            // What the server may hold by now reports to nobody, and is gone with the connection.
            Table.Persistent.Remove(serverPath, watch);
            throw;
        }
    }

    internal Task RemoveAsync(WatchKind kind, string serverPath, Watch watch, CancellationToken cancellation)
    {
        lock (_order)
        {
            return Table.Remove(kind, serverPath, watch) ? Release(kind, serverPath, watch.Path, cancellation) : Task.CompletedTask;
        }
    }

    private Task RemoveAsync(PersistentWatch watch, CancellationToken cancellation)
    {
        string serverPath = chroot.Apply(watch.Path);
        lock (_order)
        {
            return Table.Persistent.Remove(serverPath, watch)
                ? Release(watch.Scope == WatchScope.Subtree ? WatchKind.Recursive : WatchKind.Persistent, serverPath, watch.Path, cancellation)
                : Task.CompletedTask;
        }
    }

    /// <summary>
    /// Asks the server to forget what nobody on this side needs any more: it keeps one entry for a connection and path, not one for each
    /// watch. That it holds none is as good.
    /// </summary>
    private Task Release(WatchKind gone, string serverPath, string path, CancellationToken cancellation)
    {
        if (Table.Superfluous(gone, serverPath) is not { } type)
        {
            return Task.CompletedTask;
        }

        var message = new CheckWatchesMessage(serverPath, type, remove: true);
        return session.Send(
            new PendingRequest<CheckWatchesMessage, bool>(message, path) { Change = new WatchRemoval(Table, serverPath, type) }, cancellation);
    }
}
