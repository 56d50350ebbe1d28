namespace LockService.ZooKeeper.Protocol;

/// <summary>The prefix between a client's paths and the server's. Purely client side; the node is not created by it.</summary>
internal readonly struct Chroot(string prefix)
{
    /// <summary>The server's path of a client's path; the client's "/" is the chroot itself.</summary>
    internal string Apply(string path) =>
        prefix.Length == 0 ? path : path == "/" ? prefix : prefix + path;

    /// <summary>
    /// The server's form of a text that is not the path of a node: a prefix of paths, or the path of a sequential node before it has
    /// its number. Here "/" is the beginning of a child's path, and not the chroot.
    /// </summary>
    internal string ApplyToPrefix(string path) => prefix + path;

    /// <summary>The client's path of a server's path.</summary>
    internal string Strip(string serverPath) =>
        prefix.Length == 0 || !serverPath.StartsWith(prefix, StringComparison.Ordinal) ? serverPath
        : serverPath.Length == prefix.Length ? "/"
        : serverPath[prefix.Length] == '/' ? serverPath[prefix.Length..]
        : serverPath;
}
