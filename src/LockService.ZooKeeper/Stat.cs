namespace LockService.ZooKeeper;

/// <summary>What ZooKeeper knows of a node besides its data, as of the moment of the reply that carried it.</summary>
/// <param name="CreatedZxid">The transaction that created the node (czxid). Never reused, and it grows from one creation to the next.</param>
/// <param name="ModifiedZxid">The transaction that last changed the data (mzxid).</param>
/// <param name="CreatedAt">Leader's wall clock at creation, milliseconds since 1970. For people; not monotonic.</param>
/// <param name="ModifiedAt">Leader's wall clock at the last change of the data, milliseconds since 1970. For people; not monotonic.</param>
/// <param name="Version">Count of data changes, starting at 0; the condition of <c>setData</c> and <c>delete</c>.</param>
/// <param name="ChildVersion">Count of creations and deletions of children (cversion).</param>
/// <param name="AclVersion">Count of ACL changes (aversion).</param>
/// <param name="EphemeralOwner">The owning session's id of an ephemeral node; 0 for every other kind.</param>
/// <param name="DataLength">Length of the data in bytes.</param>
/// <param name="ChildCount">Number of children.</param>
/// <param name="ChildrenZxid">The transaction that last created or deleted a child (pzxid).</param>
public readonly record struct Stat(
    long CreatedZxid,
    long ModifiedZxid,
    long CreatedAt,
    long ModifiedAt,
    int Version,
    int ChildVersion,
    int AclVersion,
    long EphemeralOwner,
    int DataLength,
    int ChildCount,
    long ChildrenZxid);
