namespace LockService.ZooKeeper.Protocol;

// getACL (6): ustring path; reply: vector<ACL> acl, Stat, or NoNode
internal readonly struct GetAclMessage(string serverPath) : IMessage<NodeAcl?>
{
    public OpCode Op => OpCode.GetAcl;

    public void WriteTo(JuteWriter writer) => writer.WriteString(serverPath);

    public NodeAcl? ReadFrom(ref JuteReader reader) => new(reader.ReadAcl(), reader.ReadStat());

    public bool TryReadError(ErrorCode error, out NodeAcl? reply)
    {
        reply = null;
        return error == ErrorCode.NoNode;
    }
}
