namespace LockService.ZooKeeper.Protocol;

// sync (9): ustring path; reply: ustring path, which says nothing
internal readonly struct SyncMessage(string serverPath) : IMessage<Nothing>
{
    public OpCode Op => OpCode.Sync;

    public void WriteTo(JuteWriter writer) => writer.WriteString(serverPath);

    public Nothing ReadFrom(ref JuteReader reader) => default;
}
