namespace LockService.ZooKeeper.Protocol;

// MultiHeader: int type, bool done, int err. Before each part, with done=0; the last one, with type -1 and done=1, ends the list
internal static class MultiHeader
{
    internal static void Write(JuteWriter writer, OpCode type) => Write(writer, type, done: false);

    internal static void WriteEnd(JuteWriter writer) => Write(writer, OpCode.Error, done: true);

    /// <returns>False at the end of the list.</returns>
    internal static bool TryRead(ref JuteReader reader, out OpCode type)
    {
        type = (OpCode)reader.ReadInt();
        bool done = reader.ReadBool();
        reader.ReadInt();
        return !done;
    }

    private static void Write(JuteWriter writer, OpCode type, bool done)
    {
        writer.WriteInt((int)type);
        writer.WriteBool(done);
        writer.WriteInt(-1);
    }
}
