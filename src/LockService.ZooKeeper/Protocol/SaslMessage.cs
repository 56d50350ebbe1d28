namespace LockService.ZooKeeper.Protocol;

// GetSASLRequest: buffer token. Reply: buffer token, null from a server that does not have SASL.
internal readonly record struct SaslMessage(byte[] Token)
{
    internal void WriteTo(JuteWriter writer, int xid)
    {
        int frame = writer.BeginFrame();
        writer.WriteInt(xid);
        writer.WriteInt((int)OpCode.Sasl);
        writer.WriteBuffer(Token);
        writer.EndFrame(frame);
    }
}
