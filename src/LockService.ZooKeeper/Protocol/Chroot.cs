namespace LockService.ZooKeeper.Protocol;

/// <summary>The prefix between a client's paths and the server's. Purely client side; the node is not created by it.</summary>
internal readonly struct Chroot(string prefix)
{
    /// <summary>The server's path of a client's path; the client's "/" is the chroot itself.</summary>
    internal string Apply(string path) =>
        prefix.Length == 0 ? path : path == "/" ? prefix : prefix + path;

    /// <summary>The client's path of a server's path.</summary>
    internal string Strip(string serverPath) =>
        prefix.Length == 0 || !serverPath.StartsWith(prefix, StringComparison.Ordinal) ? serverPath
        : serverPath.Length == prefix.Length ? "/"
        : serverPath[prefix.Length..];
}
