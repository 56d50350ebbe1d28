namespace LockService.ZooKeeper.Protocol;

/// <summary>Bytes that are not the protocol. The connection they came on is dropped; it never reaches a caller as itself.</summary>
internal sealed class ProtocolException(string what) : Exception($"The server sent {what}.");
