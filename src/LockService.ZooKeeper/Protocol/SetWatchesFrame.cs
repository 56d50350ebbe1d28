using System.Text;

namespace LockService.ZooKeeper.Protocol;

/// <summary>
/// Frames that register watches on a new connection: header, then long relativeZxid, and the paths of the data, exist and child
/// watches; setWatches2 adds those of the persistent and the recursive ones. Split so that no frame has more than 128 KiB
/// (ZOOKEEPER-706: one large frame is refused by the server, over and over).
/// </summary>
internal static class SetWatchesFrame
{
    private const int MaxBytes = 128 * 1024;
    private const int HeaderBytes = (2 * sizeof(int)) + sizeof(long) + (AllLists * sizeof(int));
    private const int OneShotLists = 3;
    private const int AllLists = 5;

    internal static void WriteAll(JuteWriter writer, long relativeZxid, IReadOnlyList<(WatchKind Kind, string Path)> watches)
    {
        // Servers before 3.6 do not know setWatches2.
        int used = watches.Any(watch => watch.Kind >= WatchKind.Persistent) ? AllLists : OneShotLists;
        List<string>[] lists = [[], [], [], [], []];
        int size = 0;
        var previous = WatchKind.Data;
        foreach ((WatchKind kind, string path) in watches)
        {
            // Within a frame the server goes by the order of the lists: what must come before goes into a frame of its own.
            int bytes = sizeof(int) + Encoding.UTF8.GetByteCount(path);
            if (size > 0 && (HeaderBytes + size + bytes > MaxBytes || kind < previous))
            {
                Write(writer, relativeZxid, lists.AsSpan(0, used));
                size = 0;
            }

            lists[(int)kind].Add(path);
            size += bytes;
            previous = kind;
        }

        if (size > 0)
        {
            Write(writer, relativeZxid, lists.AsSpan(0, used));
        }
    }

    private static void Write(JuteWriter writer, long relativeZxid, ReadOnlySpan<List<string>> lists)
    {
        int frame = writer.BeginFrame();
        writer.WriteInt(Xid.SetWatches);
        writer.WriteInt((int)(lists.Length == AllLists ? OpCode.SetWatches2 : OpCode.SetWatches));
        writer.WriteLong(relativeZxid);
        foreach (List<string> list in lists)
        {
            writer.WriteStrings(list);
            list.Clear();
        }

        writer.EndFrame(frame);
    }
}
