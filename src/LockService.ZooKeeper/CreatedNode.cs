namespace LockService.ZooKeeper;

/// <summary>A node that was just created.</summary>
/// <param name="Path">Its path as the client sees it (without the chroot), with the sequence number of a sequential node.</param>
/// <param name="Stat">Its state at creation. Null only for a part of a transaction on servers before 3.7.2 and 3.8.2, which do not tell.</param>
public sealed record CreatedNode(string Path, Stat? Stat);
