using LockService.Benchmarks.Contenders;
using LockService.Benchmarks.Load;
using LockService.Testing;

namespace LockService.Benchmarks.Rows;

/// <summary>The servers and programs of a run, side by side on this machine. Each is started when a row first needs it.</summary>
/// <param name="zooKeeper">Used by the service, and by the libraries that work straight on ZooKeeper.</param>
/// <param name="instances">How many instances of the service there are; connections are spread over them.</param>
internal sealed class Site(ZooKeeperServer zooKeeper, int instances) : IAsyncDisposable
{
    /// <summary>Durable like etcd's default: every transaction is on the disk before it is answered. Tests turn that off.</summary>
    private static readonly ZooKeeperServerOptions s_durable = new()
    {
        TickTimeMs = 2000,
        JvmArguments = ["-Xms1g", "-Xmx1g"],
        SystemProperties = new Dictionary<string, string> { ["zookeeper.forceSync"] = "yes", ["zookeeper.preAllocSize"] = "65536" },
    };

    private readonly List<ServiceProcess> _services = [];
    private EtcdServer? _etcd;
    private (LoadProcess Process, Uri Address)? _kestrel;
    private LoadProcess? _curator;
    private LoadProcess? _kazoo;

    internal ZooKeeperServer ZooKeeper => zooKeeper;

    internal static async Task<Site> StartAsync(int instances) => new(await ZooKeeperServer.StartNewAsync(s_durable), instances);

    /// <summary>The service's instances, as they are deployed.</summary>
    internal async Task<IReadOnlyList<ServiceProcess>> ServicesAsync()
    {
        while (_services.Count < instances)
        {
            string assembly = Path.Combine(AppContext.BaseDirectory, "LockService.Api.dll");
            ServiceProcess service = await ServiceProcess.StartAsync(assembly, zooKeeper.ConnectString, "--LockService:MaxConnections=100000");
            _services.Add(service);
            await service.ReadyAsync();
        }

        return _services;
    }

    /// <summary>The service with as many connections as there are conversations.</summary>
    internal async Task<IContender> ServiceAsync(IEnumerable<Conversation> conversations, string name = "service") =>
        new HttpContender(name, await LoadOfServiceAsync(conversations));

    /// <summary>Brings the service into the state that a row needs: one cycle of each conversation.</summary>
    internal async Task MakeReadyAsync(IEnumerable<Conversation> conversations)
    {
        using HttpLoad load = await LoadOfServiceAsync(conversations);
        load.RunOnce();
    }

    internal async Task<IContender> BareKestrelAsync(IEnumerable<Conversation> conversations)
    {
        Uri address = _kestrel?.Address ?? BareKestrel.NewAddress();
        _kestrel ??= (await BareKestrel.StartAsync(address), address);
        return new HttpContender("bare Kestrel", new HttpLoad([address], [_kestrel.Value.Process.Id], [.. conversations]));
    }

    /// <param name="name">As the table calls it.</param>
    /// <param name="connections">How many.</param>
    /// <param name="conversation">Makes the conversation of a connection, given its number and its lease.</param>
    internal async Task<IContender> EtcdAsync(string name, int connections, Func<int, string, Conversation> conversation)
    {
        _etcd ??= await EtcdServer.StartAsync();
        var conversations = new List<Conversation>();
        for (int i = 0; i < connections; i++)
        {
            conversations.Add(conversation(i, await _etcd.GrantLeaseAsync()));
        }

        return new HttpContender(name, new HttpLoad([_etcd.Address], [_etcd.ProcessId], conversations));
    }

    internal async Task<LoadProcess> CuratorAsync() => _curator ??= await JavaProgram.StartAsync(
        "CuratorLoad", zooKeeper.ConnectString, "curator-client.jar", "curator-framework.jar", "curator-recipes.jar", "guava.jar");

    internal async Task<LoadProcess> KazooAsync() => _kazoo ??= await LoadProcess.StartAsync(
        "/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "python", "kazoo_load.py"), zooKeeper.ConnectString);

    private async Task<HttpLoad> LoadOfServiceAsync(IEnumerable<Conversation> conversations)
    {
        IReadOnlyList<ServiceProcess> services = await ServicesAsync();
        return new HttpLoad([.. services.Select(service => service.Address)], [.. services.Select(service => service.ProcessId)], [.. conversations]);
    }

    public async ValueTask DisposeAsync()
    {
        _kazoo?.Dispose();
        _curator?.Dispose();
        _kestrel?.Process.Dispose();
        _etcd?.Dispose();
        foreach (ServiceProcess service in _services)
        {
            await service.DisposeAsync();
        }

        await zooKeeper.DisposeAsync();
    }
}
