using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>The tests that share one server, which none of them stops.</summary>
[CollectionDefinition(Name)]
public sealed class SharedZooKeeper : ICollectionFixture<ZooKeeperFixture>
{
    public const string Name = "one ZooKeeper for all";
}
