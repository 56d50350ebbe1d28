using System.Threading.Channels;
using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper;

/// <summary>What a persistent watch sees. The values are the modes of the wire protocol.</summary>
public enum WatchScope
{
    /// <summary>The node: its creation, deletion and changes of its data, and creations and deletions among its children.</summary>
    Node = 0,

    /// <summary>
    /// The node and everything below it: creations, deletions and changes of data, each reported for the node it happened to. Never
    /// <see cref="WatchEventType.NodeChildrenChanged"/>, which the children's own creations and deletions make superfluous.
    /// </summary>
    Subtree = 1,
}

/// <summary>
/// A watch that stays until it is removed (ZooKeeper 3.6 and later): a stream of events, to be read with <c>await foreach</c> by one
/// reader. Each change is reported once, in the order in which the changes happened.
/// </summary>
/// <remarks>
/// After a reconnect the client registers it again, but the server never tells what happened meanwhile. Nor is the buffer without end:
/// when it overflows, its events are dropped. Both appear in the stream as <see cref="WatchEventType.Gap"/>: whoever derives a state from
/// the events reads it anew then. What is read after the gap was seen is at least as new as the first event behind it.
/// <para>The stream ends with <see cref="WatchEventType.SessionEnded"/> when the session does, and without it after <see cref="DisposeAsync"/>.</para>
/// </remarks>
public sealed class PersistentWatch : IAsyncEnumerable<WatchEvent>, IAsyncDisposable
{
    private static readonly TimeSpan s_removalLimit = TimeSpan.FromSeconds(2);

    private readonly Channel<WatchEvent> _events;
    private readonly Chroot _chroot;
    private readonly Func<PersistentWatch, CancellationToken, Task> _remove;
    private readonly TimeProvider _clock;

    internal PersistentWatch(
        string path, WatchScope scope, int bufferSize, Chroot chroot, Func<PersistentWatch, CancellationToken, Task> remove, TimeProvider clock)
    {
        Path = path;
        Scope = scope;
        _chroot = chroot;
        _remove = remove;
        _clock = clock;
        _events = Channel.CreateBounded<WatchEvent>(new BoundedChannelOptions(bufferSize) { SingleWriter = true });
    }

    /// <summary>The watched path, as the client sees it.</summary>
    public string Path { get; }

    /// <summary>What it sees.</summary>
    public WatchScope Scope { get; }

    /// <summary>Whether the server has confirmed it; written and read by the session's thread alone.</summary>
    internal bool IsActive { get; set; }

    /// <summary>Reads events as they come. An event goes to one reader only.</summary>
    public IAsyncEnumerator<WatchEvent> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        _events.Reader.ReadAllAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);

    /// <summary>
    /// Ends the stream and, if no other watch of this client needs it, takes the watch from the server too. The stream has ended even if
    /// this fails or is cancelled; at worst the server goes on to report what nobody hears, until the connection ends.
    /// </summary>
    /// <exception cref="ZooKeeperException">As for any request; there is no need to try again.</exception>
    public Task RemoveAsync(CancellationToken cancellation = default)
    {
        _events.Writer.TryComplete();
        return _remove(this, cancellation);
    }

    /// <summary>As <see cref="RemoveAsync"/>, waiting at most two seconds for the server, and never failing.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await RemoveAsync().WaitAsync(s_removalLimit, _clock).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ZooKeeperException or TimeoutException)
        {
            // The stream has ended, which is what was wanted; the server's side ends with the connection at the latest.
        }
    }

    /// <summary>Called by the session's thread alone, which must never wait for a reader.</summary>
    internal void Report(WatchEventType type, string serverPath)
    {
        if (!_events.Writer.TryWrite(new WatchEvent(type, _chroot.Strip(serverPath))))
        {
            // What the full buffer holds is outdated by the new look that the gap demands.
            while (_events.Reader.TryRead(out _))
            {
            }

            ReportGap();
        }
    }

    /// <summary>Tells the owner to look again. A full buffer becomes nothing but the gap.</summary>
    internal void ReportGap() => Report(WatchEventType.Gap);

    /// <summary>Ends the stream because the session has ended.</summary>
    internal void End()
    {
        Report(WatchEventType.SessionEnded);
        _events.Writer.TryComplete();
    }

    private void Report(WatchEventType type)
    {
        var report = new WatchEvent(type, Path);
        while (!_events.Writer.TryWrite(report))
        {
            // Makes room. Where there is nothing to be taken out the reader was faster, and there is room now, as nobody else writes; unless the
            // stream was completed, which has none ever again.
            if (!_events.Reader.TryRead(out _))
            {
                _events.Writer.TryWrite(report);
                return;
            }
        }
    }
}
