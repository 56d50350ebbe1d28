namespace LockService.ZooKeeper;

/// <summary>What a one-shot watch reports. It means "look again", never what is there now.</summary>
public enum WatchEventType
{
    /// <summary>The session ended; the watch is gone.</summary>
    SessionEnded = -1,

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
/// <param name="Path">The watched node's path, as the client sees it.</param>
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

    internal void OnDispose(Action<Watch> release) => _release = release;

    internal void Complete(WatchEventType type) => _changed.TrySetResult(new WatchEvent(type, Path));
}

/// <summary>The result of a read that also set a watch.</summary>
/// <typeparam name="T">What was read.</typeparam>
/// <param name="Value">What was read.</param>
/// <param name="Watch">Reports the first change after it.</param>
public sealed record Watched<T>(T Value, Watch Watch);
