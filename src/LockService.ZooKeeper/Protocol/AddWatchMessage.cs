namespace LockService.ZooKeeper.Protocol;

// addWatch (106): ustring path, int mode (0 persistent, 1 persistent recursive); reply: int 0. Accepted for missing nodes
internal readonly struct AddWatchMessage(string serverPath, WatchScope scope) : IMessage<Nothing>
{
    public OpCode Op => OpCode.AddWatch;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteInt((int)scope);
    }

    public Nothing ReadFrom(ref JuteReader reader) => default;

    public WatchKind? KeptWatch(ErrorCode error) => scope == WatchScope.Subtree ? WatchKind.Recursive : WatchKind.Persistent;
}
