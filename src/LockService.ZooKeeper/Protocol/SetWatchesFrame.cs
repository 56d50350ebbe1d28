using System.Text;

namespace LockService.ZooKeeper.Protocol;

/// <summary>
/// Frames that register watches on a new connection: header, then long relativeZxid, and the paths of the data, exist and child
/// watches. Split so that no frame carries more than about 128 KiB of paths (ZOOKEEPER-706: one large frame is refused by the server,
/// over and over).
/// </summary>
internal static class SetWatchesFrame
{
    private const int MaxPathBytes = 128 * 1024;

    internal static void WriteAll(JuteWriter writer, long relativeZxid, IReadOnlyList<(WatchKind Kind, string Path)> watches)
    {
        List<string>[] lists = [[], [], []];
        int size = 0;
        foreach ((WatchKind kind, string path) in watches)
        {
            int bytes = sizeof(int) + Encoding.UTF8.GetByteCount(path);
            if (size > 0 && size + bytes > MaxPathBytes)
            {
                Write(writer, relativeZxid, lists);
                Array.ForEach(lists, list => list.Clear());
                size = 0;
            }

            lists[(int)kind].Add(path);
            size += bytes;
        }

        if (size > 0)
        {
            Write(writer, relativeZxid, lists);
        }
    }

    private static void Write(JuteWriter writer, long relativeZxid, List<string>[] lists)
    {
        int frame = writer.BeginFrame();
        writer.WriteInt(Xid.SetWatches);
        writer.WriteInt((int)OpCode.SetWatches);
        writer.WriteLong(relativeZxid);
        foreach (List<string> list in lists)
        {
            writer.WriteStrings(list);
        }

        writer.EndFrame(frame);
    }
}
