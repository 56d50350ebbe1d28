using LockService.Testing;

namespace LockService.FaultTests.Clusters;

/// <summary>
/// A process of the service, with a link to each ZooKeeper server, and one from its clients. It keeps its place and its links when the process is
/// ended and started again.
/// </summary>
internal sealed class Instance : IAsyncDisposable
{
    private static readonly string[] s_settings = ["--LockService:SessionTimeoutMs=4000", "--LockService:DrainDelayMs=0"];

    private readonly string _assembly;
    private ServiceProcess? _process;

    /// <param name="number">From 0.</param>
    /// <param name="assembly">The service's assembly.</param>
    /// <param name="servers">ZooKeeper's ports.</param>
    internal Instance(int number, string assembly, IEnumerable<int> servers)
    {
        Number = number;
        _assembly = assembly;
        ToZooKeeper = [.. servers.Select(port => new Link(port))];
        Front = new Link(1);
        Http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1000, ConnectTimeout = TimeSpan.FromSeconds(5) })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{Front.Port}"),
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    internal int Number { get; }

    /// <summary>From clients to this instance.</summary>
    internal Link Front { get; }

    /// <summary>From this instance to ZooKeeper's servers, in their order.</summary>
    internal IReadOnlyList<Link> ToZooKeeper { get; }

    /// <summary>A client through <see cref="Front"/>, whichever process is there. It gives up after a minute.</summary>
    internal HttpClient Http { get; }

    /// <summary>The process; null while there is none.</summary>
    internal ServiceProcess? Process => Volatile.Read(ref _process);

    /// <summary>Starts the process and waits until it answers; not until it is ready.</summary>
    /// <param name="environment">Variables of its environment. Default: those of this process.</param>
    internal async Task StartAsync(IEnumerable<string>? environment = null)
    {
        string servers = string.Join(',', ToZooKeeper.Select(link => $"127.0.0.1:{link.Port}"));
        ServiceProcess process = await ServiceProcess.StartAsync(_assembly, servers, environment ?? [], s_settings);
        Front.Retarget(process.Address.Port);
        Front.Open();
        Volatile.Write(ref _process, process);
    }

    /// <summary>Ends the process like a crash would.</summary>
    internal Task KillAsync() => EndAsync(process => process.KillAsync());

    /// <summary>Asks the process to shut down, and waits until it has.</summary>
    internal Task ShutDownAsync() => EndAsync(async process =>
    {
        await process.TerminateAsync();
        await Eventually.CompletesAsync("the instance shuts down", process.Exited);
    });

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await EndAsync(_ => Task.CompletedTask);
        Front.Dispose();
        foreach (Link link in ToZooKeeper)
        {
            link.Dispose();
        }
    }

    private async Task EndAsync(Func<ServiceProcess, Task> end)
    {
        if (Interlocked.Exchange(ref _process, null) is { } process)
        {
            Front.Close();
            await using (process)
            {
                await end(process);
            }
        }
    }
}
