namespace LockService.ZooKeeper.Protocol;

// reconfig (16): ustring joining, ustring leaving, ustring newMembers, long curConfigId (-1 = any); reply: buffer configuration, Stat
internal readonly struct ReconfigMessage(string? joining, string? leaving, string? members, long version) : IMessage<NodeData>
{
    public OpCode Op => OpCode.Reconfig;

    public void WriteTo(JuteWriter writer)
    {
        // Null, not empty: an empty list of members is a configuration without servers.
        writer.WriteNullableString(joining);
        writer.WriteNullableString(leaving);
        writer.WriteNullableString(members);
        writer.WriteLong(version);
    }

    public NodeData ReadFrom(ref JuteReader reader) => new(reader.ReadBuffer(), reader.ReadStat());
}
