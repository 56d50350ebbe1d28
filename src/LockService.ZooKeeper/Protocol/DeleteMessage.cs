namespace LockService.ZooKeeper.Protocol;

// delete (2): ustring path, int version; reply: nothing
internal readonly struct DeleteMessage(string serverPath, int version) : IMessage<Nothing>
{
    public OpCode Op => OpCode.Delete;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteInt(version);
    }

    public Nothing ReadFrom(ref JuteReader reader) => default;
}
