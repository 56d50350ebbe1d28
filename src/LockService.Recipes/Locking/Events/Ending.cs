using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking.Events;

/// <summary>
/// Tells those who watch a lock why a holder has gone. The transaction that deletes him creates a node whose name says it, and deletes
/// that too: nothing of it ever stays, but watches report the name.
/// </summary>
internal static class Ending
{
    private const string Prefix = "ended-";
    private const string Expired = "-expired";
    private const string Broken = "-broken";

    /// <summary>Adds the notices for holders that are deleted behind them; <see cref="Withdraw"/> must follow.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="holders">Their paths; one operation is added for each.</param>
    /// <param name="reason"><see cref="LockEventType.Expired"/> or <see cref="LockEventType.Broken"/>.</param>
    internal static void Announce(CommitUnit unit, IEnumerable<string> holders, LockEventType reason)
    {
        foreach (string holder in holders)
        {
            unit.Create(NoticeOf(holder, reason), default, CreateMode.Persistent);
        }
    }

    /// <summary>Adds the deletion of the notices.</summary>
    internal static void Withdraw(CommitUnit unit, IEnumerable<string> holders, LockEventType reason)
    {
        foreach (string holder in holders)
        {
            unit.Delete(NoticeOf(holder, reason), -1);
        }
    }

    /// <summary>What a node's name tells; null if it is no notice.</summary>
    internal static (string Holder, LockEventType Reason)? Parse(string name) =>
        !name.StartsWith(Prefix, StringComparison.Ordinal) ? null
        : name.EndsWith(Expired, StringComparison.Ordinal) ? (name[Prefix.Length..^Expired.Length], LockEventType.Expired)
        : name.EndsWith(Broken, StringComparison.Ordinal) ? (name[Prefix.Length..^Broken.Length], LockEventType.Broken)
        : null;

    private static string NoticeOf(string holder, LockEventType reason)
    {
        int name = holder.LastIndexOf('/') + 1;
        return $"{holder[..name]}{Prefix}{holder[name..]}{(reason == LockEventType.Broken ? Broken : Expired)}";
    }
}
