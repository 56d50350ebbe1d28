namespace LockService.ZooKeeper;

/// <summary>Error codes of the wire protocol. A code this list does not know is carried through as its number.</summary>
public enum ErrorCode
{
    /// <summary>No error.</summary>
    Ok = 0,

    /// <summary>A part of a transaction that was not tried, because an earlier part failed.</summary>
    RuntimeInconsistency = -2,

    /// <summary>The server could not decode the request.</summary>
    MarshallingError = -5,

    /// <summary>The server does not know the operation, or it is switched off.</summary>
    Unimplemented = -6,

    /// <summary>A path, a flag or a TTL the server refuses.</summary>
    BadArguments = -8,

    /// <summary>The servers that a reconfiguration names have no quorum that is running and up to date.</summary>
    NewConfigNoQuorum = -13,

    /// <summary>Another reconfiguration has not ended yet.</summary>
    ReconfigInProgress = -14,

    /// <summary>The node, or the parent of a node to create, does not exist.</summary>
    NoNode = -101,

    /// <summary>The ACL denies the operation.</summary>
    NoAuth = -102,

    /// <summary>The node's version, or that of the ensemble's configuration, is not the expected one.</summary>
    BadVersion = -103,

    /// <summary>Ephemeral nodes cannot have children.</summary>
    NoChildrenForEphemerals = -108,

    /// <summary>The node exists already.</summary>
    NodeExists = -110,

    /// <summary>The node still has children.</summary>
    NotEmpty = -111,

    /// <summary>The session is gone for good.</summary>
    SessionExpired = -112,

    /// <summary>The access control list is empty or malformed.</summary>
    InvalidAcl = -114,

    /// <summary>An authentication was refused.</summary>
    AuthFailed = -115,

    /// <summary>The session has moved to another server; the connection is of no use any more.</summary>
    SessionMoved = -118,

    /// <summary>A write on a read-only server.</summary>
    NotReadOnly = -119,

    /// <summary>A local session that may not own ephemeral nodes.</summary>
    EphemeralOnLocalSession = -120,

    /// <summary>The server holds no such watch for this connection.</summary>
    NoWatcher = -121,

    /// <summary>Reconfiguration is switched off on the servers (<c>reconfigEnabled</c>).</summary>
    ReconfigDisabled = -123,

    /// <summary>The server enforces SASL authentication and this connection has none.</summary>
    SessionClosedRequireSaslAuth = -124,

    /// <summary>A hard quota would be exceeded.</summary>
    QuotaExceeded = -125,

    /// <summary>The server is overloaded and did not execute the request.</summary>
    ThrottledOp = -127,
}
