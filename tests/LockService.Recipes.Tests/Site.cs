using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>Three instances of one service, each behind a network of its own, on a ZooKeeper of their own; any of it can be disturbed.</summary>
internal sealed class Site : IAsyncDisposable
{
    internal const int Instances = 3;

    private readonly ZooKeeperServer _server;
    private readonly SiteInstance[] _instances;
    private readonly List<Task> _ending = [];

    internal Site(ZooKeeperServer server)
    {
        _server = server;
        _instances = [.. Enumerable.Range(0, Instances).Select(_ => new SiteInstance(new ZooKeeperProxy(server.Port)))];
    }

    /// <summary>One instance, the one that is at its place now.</summary>
    internal SiteInstance this[int index] => Volatile.Read(ref _instances[index % Instances]);

    /// <summary>Breaks the connection of an instance, with or without what it was just about to hear or to say.</summary>
    internal void Disturb(int index, Random random)
    {
        ZooKeeperProxy proxy = this[index].Proxy;
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

    /// <summary>Replaces an instance by a new one on the same network; the old one answers those whom it serves and ends.</summary>
    internal void Replace(int index)
    {
        SiteInstance old = this[index];
        Volatile.Write(ref _instances[index], new SiteInstance(old.Proxy));
        _ending.Add(old.EndAsync());
    }

    /// <summary>
    /// Kills an instance: nothing leaves it any more, to ZooKeeper or to those whom it serves, and its sessions are open until they expire. A
    /// new one on a new network takes its place.
    /// </summary>
    /// <param name="index">Which.</param>
    /// <param name="closesConnections">
    /// Whether the operating system closes its connections, as it does for a process that was killed; if not, they go dead, as those of a
    /// machine without power do.
    /// </param>
    internal void Kill(int index, bool closesConnections)
    {
        SiteInstance old = this[index];
        old.Die(closesConnections);
        Volatile.Write(ref _instances[index], new SiteInstance(new ZooKeeperProxy(_server.Port)));
        _ending.Add(old.EndAsync());
    }

    internal Task RestartZooKeeperAsync() => _server.RestartAsync();

    public async ValueTask DisposeAsync()
    {
        _ending.AddRange(_instances.Select(instance => instance.EndAsync()));
        await Eventually.CompletesAsync("the instances end", Task.WhenAll(_ending), TimeSpan.FromMinutes(1));
        Array.ForEach(_instances, instance => instance.Proxy.Dispose());
    }
}

/// <summary>An instance of a site.</summary>
/// <param name="proxy">Its network.</param>
internal sealed class SiteInstance(ZooKeeperProxy proxy)
{
    private readonly TaskCompletionSource _death = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Coordination _instance = new(
        new CoordinationOptions
        {
            ZooKeeper = ConnectString.Parse(string.Join(',', Enumerable.Repeat(proxy.ConnectString, 4))),
            SessionTimeout = TimeSpan.FromSeconds(4),
            SweepInterval = TimeSpan.FromSeconds(1),
        },
        TimeProvider.System,
        NullLoggerFactory.Instance);

    internal ZooKeeperProxy Proxy => proxy;

    /// <summary>Calls the instance, as a client does: if it dies, he hears nothing more of it.</summary>
    /// <exception cref="EffectUnknownException">Also: the instance died before it answered.</exception>
    internal async Task<T> CallAsync<T>(Func<Queues, Task<T>> call)
    {
        Task<T> answer = call(_instance.Queues);
        return await Task.WhenAny(answer, _death.Task) == answer
            ? await answer
            : throw new EffectUnknownException("The instance is dead.");
    }

    /// <summary>From now on nothing leaves it.</summary>
    internal void Die(bool closesConnections)
    {
        // A request that is in the proxy already was sent before; what comes later, the closing of sessions above all, stays there.
        proxy.Stall();
        proxy.Refuse();
        if (closesConnections)
        {
            proxy.Cut(reset: true);
        }

        _death.SetResult();
    }

    /// <summary>Frees what the instance needs, and its network if it is dead.</summary>
    internal async Task EndAsync()
    {
        await _instance.DisposeAsync();
        if (_death.Task.IsCompleted)
        {
            // Cuts its connections before it lets anything pass again.
            proxy.Dispose();
        }
    }
}
