using System.Net;
using LockService.ZooKeeper;

namespace LockService.Testing;

/// <summary>
/// Three real servers with a leader among them. Members are stopped, frozen and started one by one by their own methods; the
/// membership itself can be changed by the user <see cref="Super"/>.
/// </summary>
public sealed class ZooKeeperEnsemble : IAsyncDisposable
{
    private const int Members = 3;

    private ZooKeeperEnsemble(IReadOnlyList<ZooKeeperServer> servers) => Servers = servers;

    /// <summary>The user whom no access control list binds.</summary>
    public static UserPassword Super { get; } = new("super", "super-secret");

    /// <summary>The members.</summary>
    public IReadOnlyList<ZooKeeperServer> Servers { get; }

    /// <summary>Where clients connect to, without a chroot.</summary>
    public string ConnectString => string.Join(',', Servers.Select(server => server.ConnectString));

    /// <summary>Starts three new, empty servers and waits until all of them serve.</summary>
    /// <param name="options">Settings beyond what an ensemble needs. Default: none.</param>
    /// <param name="route">
    /// Where a member reaches a port of another one: given the two members' numbers, from 0, and the port. Default: the port itself. The
    /// membership of an ensemble with routes cannot be changed, since its members would tell each other theirs.
    /// </param>
    public static async Task<ZooKeeperEnsemble> StartNewAsync(ZooKeeperServerOptions? options = null, Func<int, int, int, int>? route = null)
    {
        for (int attempt = 1; ; attempt++)
        {
            ZooKeeperEnsemble ensemble = Prepare(options ?? new ZooKeeperServerOptions(), route);
            try
            {
                await Task.WhenAll(ensemble.Servers.Select(server => server.StartAsync()));
                return ensemble;
            }
            catch (InvalidOperationException e) when (attempt < 3 && e.Message.Contains("Address already in use", StringComparison.Ordinal))
            {
                // Somebody else took one of the nine ports since it was found free.
                await ensemble.DisposeAsync();
            }
            catch
            {
                await ensemble.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>The leader.</summary>
    public async Task<ZooKeeperServer> LeaderAsync() => (await WithModeAsync("leader", 1))[0];

    /// <summary>The other two.</summary>
    public Task<IReadOnlyList<ZooKeeperServer>> FollowersAsync() => WithModeAsync("follower", Members - 1);

    /// <summary>The member that a client is connected to.</summary>
    public ZooKeeperServer ServerOf(ZooKeeperClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        int port = ((IPEndPoint)client.Status.Server!).Port;
        return Servers.Single(server => server.Port == port);
    }

    /// <summary>Thaws what is frozen, starts what is stopped, and waits until all members serve.</summary>
    public async Task RestoreAsync()
    {
        await Task.WhenAll(Servers.Where(server => server.IsFrozen).Select(server => server.ThawAsync()));
        await Task.WhenAll(Servers.Where(server => !server.IsRunning).Select(server => server.StartAsync()));
        await FollowersAsync();
        await LeaderAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await Task.WhenAll(Servers.Select(server => server.DisposeAsync().AsTask()));

    private static ZooKeeperEnsemble Prepare(ZooKeeperServerOptions options, Func<int, int, int, int>? route)
    {
        (int Client, int Peer, int Election)[] ports = [.. Enumerable.Range(0, Members).Select(_ => (FreePort.Next(), FreePort.Next(), FreePort.Next()))];
        return new ZooKeeperEnsemble([.. ports.Select((port, member) => NewMember(ForMember(options, member, ports, route), port.Client, member + 1))]);
    }

    private static ZooKeeperServerOptions ForMember(
        ZooKeeperServerOptions options, int member, (int Client, int Peer, int Election)[] ports, Func<int, int, int, int>? route)
    {
        var config = new Dictionary<string, string>(options.Config)
        {
            // In ticks of half a second. Long enough for a loaded machine, short enough to notice a frozen leader soon.
            ["initLimit"] = "40",
            ["syncLimit"] = "8",
            ["reconfigEnabled"] = route is null ? "true" : "false",
        };
        for (int i = 0; i < Members; i++)
        {
            int Reached(int port) => route is null || i == member ? port : route(member, i, port);
            config[$"server.{i + 1}"] = $"127.0.0.1:{Reached(ports[i].Peer)}:{Reached(ports[i].Election)}:participant;127.0.0.1:{ports[i].Client}";
        }

        var properties = new Dictionary<string, string>(options.SystemProperties)
        {
            ["zookeeper.DigestAuthenticationProvider.superDigest"] = Super.DigestId,
        };
        return options with { Config = config, SystemProperties = properties };
    }

    private static ZooKeeperServer NewMember(ZooKeeperServerOptions options, int port, int id)
    {
        var server = new ZooKeeperServer(options, port);
        Directory.CreateDirectory(server.DataDirectory);
        File.WriteAllText(Path.Combine(server.DataDirectory, "myid"), $"{id}\n");
        return server;
    }

    private async Task<IReadOnlyList<ZooKeeperServer>> WithModeAsync(string mode, int count)
    {
        List<ZooKeeperServer> found = [];
        await Eventually.TrueAsync(
            $"the ensemble has {count} {mode}",
            async () =>
            {
                found.Clear();
                foreach (ZooKeeperServer server in Servers.Where(server => server.IsRunning && !server.IsFrozen))
                {
                    if (await server.ModeAsync() == mode)
                    {
                        found.Add(server);
                    }
                }

                return found.Count == count;
            },
            TimeSpan.FromSeconds(60));
        return found;
    }
}
