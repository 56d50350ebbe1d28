using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>Three instances of one service, each behind a network of its own, on a ZooKeeper of their own; any of it can be disturbed.</summary>
internal sealed class Site : IAsyncDisposable
{
    internal const int Instances = 3;

    private readonly ZooKeeperServer _server;
    private readonly ZooKeeperProxy[] _proxies;
    private readonly Coordination[] _instances;
    private readonly List<Task> _ending = [];

    internal Site(ZooKeeperServer server)
    {
        _server = server;
        _proxies = [.. Enumerable.Range(0, Instances).Select(_ => new ZooKeeperProxy(server.Port))];
        _instances = [.. _proxies.Select(Start)];
    }

    /// <summary>The queues of one instance.</summary>
    internal Queues this[int index] => Volatile.Read(ref _instances[index % Instances]).Queues;

    /// <summary>Breaks the connection of an instance, with or without what it was just about to hear or to say.</summary>
    internal void Disturb(int index, Random random)
    {
        ZooKeeperProxy proxy = _proxies[index];
        switch (random.Next(3))
        {
            case 0:
                _ = proxy.DropNextReply(RequestKind.Multi);
                break;
            case 1:
                _ = proxy.CutBeforeForwarding(RequestKind.Multi);
                break;
            default:
                proxy.Cut();
                break;
        }
    }

    /// <summary>Replaces an instance by a new one; the old one answers those whom it serves and ends.</summary>
    internal void Replace(int index)
    {
        Coordination old = Interlocked.Exchange(ref _instances[index], Start(_proxies[index]));
        _ending.Add(old.DisposeAsync().AsTask());
    }

    internal Task RestartZooKeeperAsync() => _server.RestartAsync();

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll([.. _ending, .. _instances.Select(instance => instance.DisposeAsync().AsTask())]);
        Array.ForEach(_proxies, proxy => proxy.Dispose());
    }

    private static Coordination Start(ZooKeeperProxy proxy)
    {
        var options = new CoordinationOptions
        {
            ZooKeeper = ConnectString.Parse(string.Join(',', Enumerable.Repeat(proxy.ConnectString, 4))),
            SessionTimeout = TimeSpan.FromSeconds(4),
            SweepInterval = TimeSpan.FromSeconds(1),
        };
        return new Coordination(options, TimeProvider.System, NullLoggerFactory.Instance);
    }
}
