namespace LockService.ZooKeeper.Protocol;

// getAllChildrenNumber (104): ustring path; reply: int descendants, or NoNode
internal readonly struct CountDescendantsMessage(string serverPath) : IMessage<int?>
{
    public OpCode Op => OpCode.GetAllChildrenNumber;

    public void WriteTo(JuteWriter writer) => writer.WriteString(serverPath);

    public int? ReadFrom(ref JuteReader reader) => reader.ReadInt();

    public bool TryReadError(ErrorCode error, out int? reply)
    {
        reply = null;
        return error == ErrorCode.NoNode;
    }
}
