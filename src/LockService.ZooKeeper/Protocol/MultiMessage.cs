namespace LockService.ZooKeeper.Protocol;

// multi (14): for each part MultiHeader (int type, bool done=0, int err=-1) and the part's request; last MultiHeader(-1, 1, -1)
// reply: for each part MultiHeader and the part's reply; a failed multi has header error 0 and every part of type -1 with its code
internal readonly struct MultiMessage(Chroot chroot, TransactionPart[] parts) : IMessage<TransactionResult>
{
    public OpCode Op => OpCode.Multi;

    public void WriteTo(JuteWriter writer)
    {
        foreach (TransactionPart part in parts)
        {
            string path = chroot.Apply(part.Path);
            switch (part)
            {
                case TransactionPart.Create create:
                    WriteHeader(writer, CreateMessage.OpCodeOf(create.Mode), false);
                    CreateMessage.WriteBody(writer, path, create.Data.Span, create.Mode, create.Acl, create.TtlMs);
                    break;
                case TransactionPart.Delete delete:
                    WriteHeader(writer, OpCode.Delete, false);
                    new DeleteMessage(path, delete.Version).WriteTo(writer);
                    break;
                case TransactionPart.SetData setData:
                    WriteHeader(writer, OpCode.SetData, false);
                    new SetDataMessage(path, setData.Data, setData.Version).WriteTo(writer);
                    break;
                case TransactionPart.Check check:
                    WriteHeader(writer, OpCode.Check, false);
                    new DeleteMessage(path, check.Version).WriteTo(writer);
                    break;
                default:
                    throw new InvalidOperationException($"No encoding for {part.GetType()}.");
            }
        }

        WriteHeader(writer, OpCode.Error, true);
    }

    public TransactionResult ReadFrom(ref JuteReader reader)
    {
        var results = new TransactionPartResult[parts.Length];
        ErrorCode error = ErrorCode.Ok;
        int failedIndex = -1;
        for (int i = 0; ; i++)
        {
            var type = (OpCode)reader.ReadInt();
            bool done = reader.ReadBool();
            reader.ReadInt();
            if (done)
            {
                return i == parts.Length || failedIndex >= 0
                    ? new TransactionResult(failedIndex < 0 ? results : [], error, failedIndex)
                    : throw new ProtocolException($"{i} results for a transaction of {parts.Length}");
            }

            if (i >= parts.Length)
            {
                throw new ProtocolException($"more results than the {parts.Length} parts of the transaction");
            }

            // The reply's type decides, not the request's: servers before 3.7.2 and 3.8.2 answer create2 as create.
            switch (type)
            {
                case OpCode.Error:
                    var code = (ErrorCode)reader.ReadInt();
                    if (failedIndex < 0 && code is not ErrorCode.Ok and not ErrorCode.RuntimeInconsistency)
                    {
                        (error, failedIndex) = (code, i);
                    }

                    break;
                case OpCode.Create:
                    results[i] = new TransactionPartResult(chroot.Strip(reader.ReadString()), null);
                    break;
                case OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl:
                    results[i] = new TransactionPartResult(chroot.Strip(reader.ReadString()), reader.ReadStat());
                    break;
                case OpCode.SetData:
                    results[i] = new TransactionPartResult(null, reader.ReadStat());
                    break;
                case OpCode.Delete or OpCode.Check:
                    break;
                default:
                    throw new ProtocolException($"a transaction result of type {(int)type}");
            }
        }
    }

    private static void WriteHeader(JuteWriter writer, OpCode type, bool done)
    {
        writer.WriteInt((int)type);
        writer.WriteBool(done);
        writer.WriteInt(-1);
    }
}
