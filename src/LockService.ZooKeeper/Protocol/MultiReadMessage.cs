namespace LockService.ZooKeeper.Protocol;

// multiRead (22): for each part MultiHeader (int type, bool done=0, int err=-1), ustring path, bool watch=0; last MultiHeader(-1, 1, -1)
// reply: for each part MultiHeader and getChildren: vector<ustring>, getData: buffer, Stat, or type -1: int err
internal readonly struct MultiReadMessage(Chroot chroot, ReadPart[] parts) : IMessage<ReadBatchResult>
{
    public OpCode Op => OpCode.MultiRead;

    public void WriteTo(JuteWriter writer)
    {
        foreach (ReadPart part in parts)
        {
            MultiHeader.Write(writer, part.OfChildren ? OpCode.GetChildren : OpCode.GetData);
            writer.WriteString(chroot.Apply(part.Path));
            writer.WriteBool(false);
        }

        MultiHeader.WriteEnd(writer);
    }

    public ReadBatchResult ReadFrom(ref JuteReader reader)
    {
        var results = new ReadPartResult[parts.Length];
        int count = 0;
        while (MultiHeader.TryRead(ref reader, out OpCode type))
        {
            if (count == parts.Length)
            {
                throw new ProtocolException($"more results than the {parts.Length} parts of the batch");
            }

            ReadPart part = parts[count];
            results[count++] = type switch
            {
                OpCode.Error => new ReadPartResult(part, Refusal((ErrorCode)reader.ReadInt()), null, null),
                OpCode.GetChildren when part.OfChildren => new ReadPartResult(part, ErrorCode.Ok, null, reader.ReadStrings()),
                OpCode.GetData when !part.OfChildren =>
                    new ReadPartResult(part, ErrorCode.Ok, new NodeData(reader.ReadBuffer(), reader.ReadStat()), null),
                _ => throw new ProtocolException($"a result of type {(int)type} in a batch of reads"),
            };
        }

        return count == parts.Length ? new ReadBatchResult(results) : throw new ProtocolException($"{count} results for a batch of {parts.Length}");
    }

    private static ErrorCode Refusal(ErrorCode error) =>
        error != ErrorCode.Ok ? error : throw new ProtocolException("a refusal without an error");
}
