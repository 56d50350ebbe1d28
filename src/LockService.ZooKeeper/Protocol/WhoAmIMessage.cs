namespace LockService.ZooKeeper.Protocol;

// whoAmI (107): nothing; reply: vector<ClientInfo>, each ustring authScheme, ustring user
internal readonly struct WhoAmIMessage : IMessage<IReadOnlyList<ClientIdentity>>
{
    /// <summary>Two empty strings.</summary>
    private const int SmallestItem = 2 * sizeof(int);

    public OpCode Op => OpCode.WhoAmI;

    public void WriteTo(JuteWriter writer)
    {
    }

    public IReadOnlyList<ClientIdentity> ReadFrom(ref JuteReader reader)
    {
        var identities = new ClientIdentity[reader.ReadCount(SmallestItem)];
        for (int i = 0; i < identities.Length; i++)
        {
            identities[i] = new ClientIdentity(reader.ReadString(), reader.ReadString());
        }

        return identities;
    }
}
