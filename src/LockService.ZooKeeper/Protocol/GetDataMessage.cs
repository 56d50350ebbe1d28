namespace LockService.ZooKeeper.Protocol;

// getData (4): ustring path, bool watch; reply: buffer data, Stat, or NoNode (which leaves no watch)
internal readonly struct GetDataMessage(string serverPath, Func<bool>? asksForWatch = null) : IMessage<NodeData?>
{
    public OpCode Op => OpCode.GetData;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteBool(asksForWatch is not null && asksForWatch());
    }

    public NodeData? ReadFrom(ref JuteReader reader) => new(reader.ReadBuffer(), reader.ReadStat());

    public bool TryReadError(ErrorCode error, out NodeData? reply)
    {
        reply = null;
        return error == ErrorCode.NoNode;
    }

    public WatchKind? KeptWatch(ErrorCode error) => error == ErrorCode.Ok ? WatchKind.Data : null;
}
