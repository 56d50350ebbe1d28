namespace LockService.ZooKeeper.Protocol;

// AuthPacket (header xid -4): int type=0, ustring scheme, buffer auth. Reply: header only.
internal readonly record struct AuthMessage(string Scheme, byte[] Auth)
{
    internal void WriteTo(JuteWriter writer)
    {
        int frame = writer.BeginFrame();
        writer.WriteInt(Xid.Auth);
        writer.WriteInt((int)OpCode.Auth);
        writer.WriteInt(0);
        writer.WriteString(Scheme);
        writer.WriteBuffer(Auth);
        writer.EndFrame(frame);
    }
}
