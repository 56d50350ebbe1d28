namespace LockService.ZooKeeper;

/// <summary>
/// What a watch reports. It means "look again", never what is there now; once in a while there is nothing new, because a change that
/// might have been missed is reported too.
/// </summary>
public enum WatchEventType
{
    /// <summary>The session ended; the watch is gone.</summary>
    SessionEnded = -1,

    /// <summary>
    /// Changes may have been missed: the connection was lost for a while, or the reader was too slow. Read again whatever depends on
    /// them. Reported by persistent watches only, whose missed changes the server never repeats.
    /// </summary>
    Gap = 0,

    /// <summary>The node was created.</summary>
    NodeCreated = 1,

    /// <summary>The node was deleted.</summary>
    NodeDeleted = 2,

    /// <summary>The node's data was set.</summary>
    NodeDataChanged = 3,

    /// <summary>A child of the node was created or deleted.</summary>
    NodeChildrenChanged = 4,
}

/// <summary>A change seen by a watch.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Path">The path of the node it happened to, as the client sees it: the watched one, or one below it.</param>
public readonly record struct WatchEvent(WatchEventType Type, string Path);

/// <summary>
/// A one-shot watch. It outlives disconnections: after a reconnect the client registers it again and the server reports at once what
/// was missed. Two changes that undo each other while disconnected (created and deleted) are not reported; a deletion followed by a
/// new creation is reported as <see cref="WatchEventType.NodeDataChanged"/>.
/// </summary>
public sealed class Watch : IDisposable
{
    private readonly TaskCompletionSource<WatchEvent> _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Action<Watch>? _release;
    private Func<CancellationToken, Task>? _remove;

    internal Watch(string path) => Path = path;

    /// <summary>The watched node's path, as the client sees it.</summary>
    public string Path { get; }

    /// <summary>
    /// Completes once, with the first change since the read that set the watch, or with <see cref="WatchEventType.SessionEnded"/>.
    /// Continuations never run on the session's own loop. It stays incomplete after <see cref="Dispose"/>.
    /// </summary>
    public Task<WatchEvent> Changed => _changed.Task;

    /// <summary>Forgets the watch on this side. The server's own registration is spent on the node's next change.</summary>
    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke(this);

    /// <summary>
    /// Forgets the watch on this side and, if no other watch of this client needs it, takes it from the server too. Does nothing for a
    /// watch that has fired. The watch is forgotten even if this fails or is cancelled, and then as with <see cref="Dispose"/>.
    /// </summary>
    /// <exception cref="ZooKeeperException">As for any request; there is no need to try again.</exception>
    public Task RemoveAsync(CancellationToken cancellation = default) => _remove?.Invoke(cancellation) ?? Task.CompletedTask;

    internal void OnDispose(Action<Watch> release) => _release = release;

    internal void OnRemove(Func<CancellationToken, Task> remove) => _remove = remove;

    internal void Complete(WatchEventType type) => _changed.TrySetResult(new WatchEvent(type, Path));
}

/// <summary>The result of a read that also set a watch.</summary>
/// <typeparam name="T">What was read.</typeparam>
/// <param name="Value">What was read.</param>
/// <param name="Watch">Reports the first change after it.</param>
public sealed record Watched<T>(T Value, Watch Watch);
