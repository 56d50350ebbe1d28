namespace LockService.ZooKeeper.Protocol;

// checkWatches (17), removeWatches (18): ustring path, int watcherType; reply: nothing, or NoWatcher
internal readonly struct CheckWatchesMessage(string serverPath, WatcherType type, bool remove) : IMessage<bool>
{
    public OpCode Op => remove ? OpCode.RemoveWatches : OpCode.CheckWatches;

    public void WriteTo(JuteWriter writer)
    {
        writer.WriteString(serverPath);
        writer.WriteInt((int)type);
    }

    public bool ReadFrom(ref JuteReader reader) => true;

    public bool TryReadError(ErrorCode error, out bool reply)
    {
        reply = false;
        return error == ErrorCode.NoWatcher;
    }
}
