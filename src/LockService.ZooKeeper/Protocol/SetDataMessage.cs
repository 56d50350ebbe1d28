namespace LockService.ZooKeeper.Protocol;

// setData (5): ustring path, buffer data, int version; reply: Stat
internal readonly struct SetDataMessage(string serverPath, ReadOnlyMemory<byte> data, int version) : IMessage<Stat>
{
    public OpCode Op => OpCode.SetData;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteBuffer(data.Span);
        writer.WriteInt(version);
    }

    public Stat ReadFrom(ref JuteReader reader) => reader.ReadStat();
}
