namespace LockService.ZooKeeper.Protocol;

// exists (3): ustring path, bool watch; reply: Stat, or NoNode
internal readonly struct ExistsMessage(string serverPath, Func<bool>? asksForWatch = null) : IMessage<Stat?>
{
    public OpCode Op => OpCode.Exists;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteBool(asksForWatch is not null && asksForWatch());
    }

    public Stat? ReadFrom(ref JuteReader reader) => reader.ReadStat();

    public bool TryReadError(ErrorCode error, out Stat? reply)
    {
        reply = null;
        return error == ErrorCode.NoNode;
    }

    /// <summary>The result decides: on a missing node the server keeps the watch as one that waits for the creation.</summary>
    public WatchKind? KeptWatch(ErrorCode error) => error == ErrorCode.NoNode ? WatchKind.Exist : WatchKind.Data;
}
