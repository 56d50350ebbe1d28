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
                    MultiHeader.Write(writer, CreateMessage.OpCodeOf(create.Mode));
                    CreateMessage.WriteBody(writer, CreateMessage.PathOf(chroot, create.Path, create.Mode), create.Data.Span, create.Mode, create.Acl, create.TtlMs);
                    break;
                case TransactionPart.Delete delete:
                    MultiHeader.Write(writer, OpCode.Delete);
                    new DeleteMessage(path, delete.Version).WriteTo(writer);
                    break;
                case TransactionPart.SetData setData:
                    MultiHeader.Write(writer, OpCode.SetData);
                    new SetDataMessage(path, setData.Data, setData.Version).WriteTo(writer);
                    break;
                case TransactionPart.Check check:
                    MultiHeader.Write(writer, OpCode.Check);
                    new DeleteMessage(path, check.Version).WriteTo(writer);
                    break;
                default:
                    throw new InvalidOperationException($"No encoding for {part.GetType()}.");
            }
        }

        MultiHeader.WriteEnd(writer);
    }

    public TransactionResult ReadFrom(ref JuteReader reader)
    {
        var results = new TransactionPartResult[parts.Length];
        ErrorCode?[]? codes = null;
        int count = 0;
        for (; MultiHeader.TryRead(ref reader, out OpCode type); count++)
        {
            if (count == parts.Length)
            {
                throw new ProtocolException($"more results than the {parts.Length} parts of the transaction");
            }

            if (type == OpCode.Error)
            {
                codes ??= new ErrorCode?[parts.Length];
                codes[count] = (ErrorCode)reader.ReadInt();
            }
            else
            {
                results[count] = ReadResult(ref reader, type);
            }
        }

        if (count != parts.Length)
        {
            throw new ProtocolException($"{count} results for a transaction of {parts.Length}");
        }

        return codes is null ? new TransactionResult(results, ErrorCode.Ok, -1) : Refused(codes);
    }

    /// <summary>The reply's type decides, not the request's: servers before 3.7.2 and 3.8.2 answer create2 as create.</summary>
    private TransactionPartResult ReadResult(ref JuteReader reader, OpCode type) => type switch
    {
        OpCode.Create => new TransactionPartResult(chroot.Strip(reader.ReadString()), null),
        OpCode.Create2 or OpCode.CreateContainer or OpCode.CreateTtl =>
            new TransactionPartResult(chroot.Strip(reader.ReadString()), reader.ReadStat()),
        OpCode.SetData => new TransactionPartResult(null, reader.ReadStat()),
        OpCode.Delete or OpCode.Check => default,
        _ => throw new ProtocolException($"a transaction result of type {(int)type}"),
    };

    /// <summary>The parts before the culprit carry no error, those after it were not tried.</summary>
    private static TransactionResult Refused(ErrorCode?[] codes)
    {
        int culprit = Array.FindIndex(codes, code => code is not null and not ErrorCode.Ok and not ErrorCode.RuntimeInconsistency);
        return culprit >= 0 && Array.TrueForAll(codes, code => code is not null)
            ? new TransactionResult([], codes[culprit]!.Value, culprit)
            : throw new ProtocolException("a transaction that is neither committed nor refused");
    }
}
