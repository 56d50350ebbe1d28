using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>One real server for the tests of this project; each test has a root of its own.</summary>
[CollectionDefinition("zookeeper")]
public sealed class SharedZooKeeper : ICollectionFixture<ZooKeeperFixture>;
