using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>One service, as a process, on one real ZooKeeper, for all tests that do not stop either.</summary>
public sealed class ServiceFixture : IAsyncLifetime
{
    /// <summary>The service's assembly, which the build puts beside the tests.</summary>
    internal static readonly string Assembly = typeof(LockEndpoints).Assembly.Location;

    private ZooKeeperServer _zooKeeper = null!;

    internal ServiceProcess Service { get; private set; } = null!;

    internal Caller Caller { get; private set; } = null!;

    internal Tree Tree { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _zooKeeper = await ZooKeeperServer.StartNewAsync();
        Service = await ServiceProcess.StartAsync(Assembly, _zooKeeper.ConnectString, "--LockService:MaxWaiters=5");
        await Service.ReadyAsync();
        Caller = new Caller(Service.Http);
        Tree = await Tree.OpenAsync(_zooKeeper.ConnectString);
    }

    public async Task DisposeAsync()
    {
        await Tree.DisposeAsync();
        await Service.DisposeAsync();
        await _zooKeeper.DisposeAsync();
    }
}

[CollectionDefinition(Name)]
public sealed class SharedService : ICollectionFixture<ServiceFixture>
{
    public const string Name = "service";
}
