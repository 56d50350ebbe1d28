namespace LockService.ZooKeeper.Protocol;

// getData (4): ustring path, bool watch; reply: buffer data, Stat, or NoNode (which leaves no watch)
internal readonly struct GetDataMessage(string serverPath, bool watch) : IMessage<NodeData?>
{
    public OpCode Op => OpCode.GetData;

    public string ServerPath => serverPath;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteBool(watch);
    }

    public NodeData? ReadFrom(ref JuteReader reader) => new(reader.ReadBuffer(), reader.ReadStat());

    public bool TryReadError(ErrorCode error, out NodeData? reply)
    {
        reply = null;
        return error == ErrorCode.NoNode;
    }

    public WatchKind? KeptWatch(ErrorCode error) => error == ErrorCode.Ok ? WatchKind.Data : null;
}
