namespace LockService.ZooKeeper.Protocol;

// setACL (7): ustring path, vector<ACL> acl, int version (of the ACL); reply: Stat
internal readonly struct SetAclMessage(string serverPath, IReadOnlyList<Acl> acl, int version) : IMessage<Stat>
{
    public OpCode Op => OpCode.SetAcl;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteAcl(acl);
        writer.WriteInt(version);
    }

    public Stat ReadFrom(ref JuteReader reader) => reader.ReadStat();
}
