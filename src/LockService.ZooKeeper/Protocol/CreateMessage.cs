namespace LockService.ZooKeeper.Protocol;

// create2 (15), createContainer (19): ustring path, buffer data, vector<ACL> acl, int flags
// createTTL (21): the same, then long ttl
// reply: ustring path, Stat
internal readonly struct CreateMessage(
    Chroot chroot, string path, ReadOnlyMemory<byte> data, CreateMode mode, IReadOnlyList<Acl> acl, long ttlMs) : IMessage<CreatedNode>
{
    public OpCode Op => OpCodeOf(mode);

    public void WriteTo(JuteWriter writer) => WriteBody(writer, PathOf(chroot, path, mode), data.Span, mode, acl, ttlMs);

    public CreatedNode ReadFrom(ref JuteReader reader) => new(chroot.Strip(reader.ReadString()), reader.ReadStat());

    /// <summary>A container made with create or create2 would silently be a plain node; one with a TTL is refused there.</summary>
    internal static OpCode OpCodeOf(CreateMode mode) => mode switch
    {
        CreateMode.Container => OpCode.CreateContainer,
        CreateMode.PersistentWithTtl or CreateMode.PersistentSequentialWithTtl => OpCode.CreateTtl,
        _ => OpCode.Create2,
    };

    internal static string PathOf(Chroot chroot, string path, CreateMode mode) =>
        NodePath.IsSequential(mode) ? chroot.ApplyToPrefix(path) : chroot.Apply(path);

    internal static void WriteBody(
        JuteWriter writer, string serverPath, ReadOnlySpan<byte> data, CreateMode mode, IReadOnlyList<Acl> acl, long ttlMs)
    {
        writer.WriteString(serverPath);
        writer.WriteBuffer(data);
        writer.WriteAcl(acl);
        writer.WriteInt((int)mode);
        if (OpCodeOf(mode) == OpCode.CreateTtl)
        {
            writer.WriteLong(ttlMs);
        }
    }
}
