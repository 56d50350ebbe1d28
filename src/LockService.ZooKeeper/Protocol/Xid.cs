namespace LockService.ZooKeeper.Protocol;

/// <summary>The request numbers with a meaning of their own.</summary>
internal static class Xid
{
    internal const int Notification = -1;
    internal const int Ping = -2;
    internal const int Auth = -4;
    internal const int SetWatches = -8;

    /// <summary>
    /// The number after <paramref name="xid"/>. Rises over the whole session, never restarts on a reconnect (a follower pairs a commit
    /// with the waiting request by session and xid), and wraps to 1.
    /// </summary>
    internal static int After(int xid) => xid == int.MaxValue ? 1 : xid + 1;
}
