namespace LockService.ZooKeeper;

/// <summary>The kinds of node. The values are the flags of the wire protocol.</summary>
public enum CreateMode
{
    /// <summary>Lives until it is deleted.</summary>
    Persistent = 0,

    /// <summary>Lives until it is deleted or its session ends. Cannot have children.</summary>
    Ephemeral = 1,

    /// <summary>Persistent; the server appends a ten-digit number that rises with every creation under the same parent.</summary>
    PersistentSequential = 2,

    /// <summary>Ephemeral; the server appends a ten-digit number that rises with every creation under the same parent.</summary>
    EphemeralSequential = 3,

    /// <summary>Persistent; removed by the server some time after its last child went away. One that never had a child stays.</summary>
    Container = 4,

    /// <summary>Persistent; removed once it is empty and unchanged for its TTL. Needs <c>extendedTypesEnabled</c> on every server.</summary>
    PersistentWithTtl = 5,

    /// <summary>As <see cref="PersistentWithTtl"/>, with a sequence number.</summary>
    PersistentSequentialWithTtl = 6,
}
