namespace LockService.ZooKeeper.Protocol;

/// <summary>One request of the protocol together with how its reply is read.</summary>
/// <typeparam name="TReply">What the caller gets.</typeparam>
internal interface IMessage<TReply>
{
    OpCode Op { get; }

    void WriteTo(JuteWriter writer);

    TReply ReadFrom(ref JuteReader reader);

    /// <summary>Turns an error that is an expected answer of this operation into a reply.</summary>
    bool TryReadError(ErrorCode error, out TReply reply)
    {
        reply = default!;
        return false;
    }

    /// <summary>The table in which the server keeps the watch that this request set, if it set one.</summary>
    WatchKind? KeptWatch(ErrorCode error) => null;
}

/// <summary>The reply of an operation that returns nothing.</summary>
internal readonly struct Nothing;

/// <summary>
/// The lists of setWatches2, in its order: a watch that exists() set on a missing node is of another kind than one on data. The
/// first three are one-shot and all that setWatches knows.
/// </summary>
internal enum WatchKind
{
    Data,
    Exist,
    Child,
    Persistent,
    Recursive,
}
