namespace LockService.ZooKeeper;

/// <summary>
/// The rules for node paths. They are checked here because the server checks the paths of writes only: a read of "" answers with the
/// root, and one of "/a/" says that the node is missing.
/// </summary>
public static class NodePath
{
    /// <summary>Whether the path is absolute, has no empty, "." or ".." segment, no trailing "/" and no character ZooKeeper forbids.</summary>
    public static bool IsValid(string path) => Fault(path, sequential: false) is null;

    internal static bool IsSequential(CreateMode mode) =>
        mode is CreateMode.PersistentSequential or CreateMode.EphemeralSequential or CreateMode.PersistentSequentialWithTtl;

    internal static void ThrowIfInvalid(string path, bool sequential = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Fault(path, sequential) is { } fault)
        {
            throw new ArgumentException($"Not a node path: {fault}.", nameof(path));
        }
    }

    /// <summary>The largest TTL the server's encoding has room for is 2^40-1 ms.</summary>
    internal static long TtlMilliseconds(CreateMode mode, TimeSpan ttl)
    {
        bool wanted = mode is CreateMode.PersistentWithTtl or CreateMode.PersistentSequentialWithTtl;
        long milliseconds = (long)ttl.TotalMilliseconds;
        if (wanted ? milliseconds is < 1 or > 1_099_511_627_775 : milliseconds != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(ttl), ttl, "A TTL of 1 ms to 2^40-1 ms goes with the TTL modes, and with no other.");
        }

        return milliseconds;
    }

    private static string? Fault(string path, bool sequential)
    {
        if (path.Length == 0 || path[0] != '/')
        {
            return "it must start with '/'";
        }

        int segmentStart = 1;
        for (int i = 1; i <= path.Length; i++)
        {
            if (i < path.Length && path[i] != '/')
            {
                if (IsForbidden(path[i]))
                {
                    return $"it contains U+{(int)path[i]:X4}";
                }

                continue;
            }

            ReadOnlySpan<char> segment = path.AsSpan(segmentStart, i - segmentStart);
            bool last = i == path.Length;
            if (segment.IsEmpty && !(last && (path.Length == 1 || sequential)))
            {
                return "it has an empty segment";
            }

            // The number that the server appends turns "." into an ordinary name.
            if (segment is "." or ".." && !(last && sequential))
            {
                return "it has a '.' or '..' segment";
            }

            segmentStart = i + 1;
        }

        return null;
    }

    private static bool IsForbidden(char c) =>
        c is <= '\u001f' or (>= '\u007f' and <= '\u009f') or (>= '\ud800' and <= '\uf8ff') or >= '\ufff0';
}
