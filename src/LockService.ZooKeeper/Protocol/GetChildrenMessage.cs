namespace LockService.ZooKeeper.Protocol;

// getChildren2 (12): ustring path, bool watch; reply: vector<ustring> names, Stat, or NoNode (which leaves no watch)
internal readonly struct GetChildrenMessage(string serverPath, Func<bool>? asksForWatch = null) : IMessage<NodeChildren?>
{
    public OpCode Op => OpCode.GetChildren2;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteBool(asksForWatch is not null && asksForWatch());
    }

    public NodeChildren? ReadFrom(ref JuteReader reader) => new(reader.ReadStrings(), reader.ReadStat());

    public bool TryReadError(ErrorCode error, out NodeChildren? reply)
    {
        reply = null;
        return error == ErrorCode.NoNode;
    }

    public WatchKind? KeptWatch(ErrorCode error) => error == ErrorCode.Ok ? WatchKind.Child : null;
}
