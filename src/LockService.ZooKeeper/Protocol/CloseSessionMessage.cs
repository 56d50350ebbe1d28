namespace LockService.ZooKeeper.Protocol;

// closeSession (-11): nothing; reply: nothing, then the server closes the connection
internal readonly struct CloseSessionMessage : IMessage<Nothing>
{
    public OpCode Op => OpCode.CloseSession;

    public void WriteTo(JuteWriter writer)
    {
    }

    public Nothing ReadFrom(ref JuteReader reader) => default;
}
