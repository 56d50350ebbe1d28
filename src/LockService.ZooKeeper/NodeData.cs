namespace LockService.ZooKeeper;

/// <summary>A node's data together with the <see cref="ZooKeeper.Stat"/> of the same moment.</summary>
/// <param name="Data">The data. A node created without data reads as empty.</param>
/// <param name="Stat">The node's state as of the same read.</param>
public sealed record NodeData(ReadOnlyMemory<byte> Data, Stat Stat);
