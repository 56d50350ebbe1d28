namespace LockService.ZooKeeper.Protocol;

// ConnectRequest (no header): int protocolVersion=0, long lastZxidSeen, int timeOut(ms), long sessionId, buffer passwd, bool readOnly
internal readonly record struct ConnectRequest(long LastZxidSeen, int TimeoutMs, long SessionId, byte[] Password)
{
    internal void WriteTo(JuteWriter writer)
    {
        int frame = writer.BeginFrame();
        writer.WriteInt(0);
        writer.WriteLong(LastZxidSeen);
        writer.WriteInt(TimeoutMs);
        writer.WriteLong(SessionId);
        writer.WriteBuffer(Password);
        writer.WriteBool(false);
        writer.EndFrame(frame);
    }
}

// ConnectResponse (no header): int protocolVersion=0, int timeOut(ms), long sessionId, buffer passwd, bool readOnly (since 3.4)
internal readonly record struct ConnectResponse(int TimeoutMs, long SessionId, byte[] Password, bool ReadOnly)
{
    internal static ConnectResponse ReadFrom(ref JuteReader reader)
    {
        reader.ReadInt();
        return new ConnectResponse(
            reader.ReadInt(), reader.ReadLong(), reader.ReadBuffer(), reader.Remaining > 0 && reader.ReadBool());
    }
}
