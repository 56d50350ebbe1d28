namespace LockService.ZooKeeper.Protocol;

// getEphemerals (103): ustring prefix; reply: vector<ustring> full paths
internal readonly struct GetEphemeralsMessage(Chroot chroot, string prefix) : IMessage<IReadOnlyList<string>>
{
    public OpCode Op => OpCode.GetEphemerals;

    public void WriteTo(JuteWriter writer) => writer.WriteString(chroot.ApplyToPrefix(prefix));

    public IReadOnlyList<string> ReadFrom(ref JuteReader reader)
    {
        string[] paths = reader.ReadStrings();
        for (int i = 0; i < paths.Length; i++)
        {
            paths[i] = chroot.Strip(paths[i]);
        }

        return paths;
    }
}
