using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>One real server for the tests of locks; each test has a root of its own.</summary>
[CollectionDefinition("zookeeper")]
public sealed class SharedZooKeeper : ICollectionFixture<ZooKeeperFixture>;

/// <summary>Another one for all other tests, which run beside those of locks: both wait most of their time.</summary>
[CollectionDefinition("another zookeeper")]
public sealed class AnotherZooKeeper : ICollectionFixture<ZooKeeperFixture>;
