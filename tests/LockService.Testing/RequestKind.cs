namespace LockService.Testing;

/// <summary>The requests a <see cref="ZooKeeperProxy"/> can tell apart. The values are the operation codes of the wire protocol.</summary>
public enum RequestKind
{
    /// <summary>Any request of a caller, but no ping and no registration of watches.</summary>
    Any = 0,

    /// <summary>create</summary>
    Create = 1,

    /// <summary>delete</summary>
    Delete = 2,

    /// <summary>exists</summary>
    Exists = 3,

    /// <summary>getData</summary>
    GetData = 4,

    /// <summary>setData</summary>
    SetData = 5,

    /// <summary>getACL</summary>
    GetAcl = 6,

    /// <summary>setACL</summary>
    SetAcl = 7,

    /// <summary>sync</summary>
    Sync = 9,

    /// <summary>ping</summary>
    Ping = 11,

    /// <summary>getChildren2</summary>
    GetChildren = 12,

    /// <summary>multi</summary>
    Multi = 14,

    /// <summary>create2, which the client uses for all nodes but containers and those with a TTL</summary>
    Create2 = 15,

    /// <summary>reconfig</summary>
    Reconfig = 16,

    /// <summary>checkWatches</summary>
    CheckWatches = 17,

    /// <summary>removeWatches</summary>
    RemoveWatches = 18,

    /// <summary>createContainer</summary>
    CreateContainer = 19,

    /// <summary>createTTL</summary>
    CreateTtl = 21,

    /// <summary>multiRead</summary>
    MultiRead = 22,

    /// <summary>auth</summary>
    Auth = 100,

    /// <summary>setWatches</summary>
    SetWatches = 101,

    /// <summary>sasl</summary>
    Sasl = 102,

    /// <summary>getEphemerals</summary>
    GetEphemerals = 103,

    /// <summary>getAllChildrenNumber</summary>
    CountDescendants = 104,

    /// <summary>setWatches2</summary>
    SetWatches2 = 105,

    /// <summary>addWatch</summary>
    AddWatch = 106,

    /// <summary>whoAmI</summary>
    WhoAmI = 107,

    /// <summary>closeSession</summary>
    CloseSession = -11,
}

/// <summary>A request that came by.</summary>
/// <param name="Connection">The number of the connection it came on; the first one is 1.</param>
/// <param name="Xid">The client's number for it; negative for pings, auth and registrations of watches.</param>
/// <param name="Kind">The operation, also if it has no name here.</param>
/// <param name="Bytes">Size of the frame without its length.</param>
public sealed record ProxiedRequest(int Connection, int Xid, RequestKind Kind, int Bytes);

/// <summary>The first frame of a connection.</summary>
/// <param name="Connection">The number of the connection; the first one is 1.</param>
/// <param name="SessionId">The session it asks for; 0 for a new one.</param>
/// <param name="LastZxidSeen">The newest transaction the client claims to have seen.</param>
public sealed record ProxiedConnect(int Connection, long SessionId, long LastZxidSeen);

/// <summary>The directions through a proxy.</summary>
[Flags]
public enum ProxyDirections
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>What clients send.</summary>
    ToServer = 1,

    /// <summary>What the server sends.</summary>
    ToClient = 2,

    /// <summary>Both.</summary>
    Both = 3,
}
