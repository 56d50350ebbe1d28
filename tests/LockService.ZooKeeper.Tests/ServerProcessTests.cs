using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>A server of their own each, since they stop it.</summary>
public sealed class ServerProcessTests
{
    [Fact]
    public async Task A_session_survives_the_crash_and_restart_of_the_only_server()
    {
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync();
        await using var client = new ZooKeeperClient(new ZooKeeperOptions
        {
            Servers = ConnectString.Parse(server.ConnectString),
            // More than the slowest start of a server on a loaded machine.
            SessionTimeout = TimeSpan.FromMinutes(1),
        });
        await client.CreateAsync("/a", "x"u8.ToArray(), CreateMode.Ephemeral);
        long session = client.SessionId;

        await server.RestartAsync();

        NodeData? node = await client.GetDataAsync("/a");
        Assert.Equal(session, node?.Stat.EphemeralOwner);
        Assert.Equal(session, client.SessionId);
    }

    [Fact]
    public async Task A_session_killed_from_outside_has_expired()
    {
        await using ZooKeeperServer server = await ZooKeeperServer.StartNewAsync();
        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(server.ConnectString) });
        await client.CreateAsync("/a", mode: CreateMode.Ephemeral);

        await server.KillSessionAsync(client);

        await Eventually.TrueAsync("the session has expired", () => client.Status.End == SessionEnd.Expired);
        await Assert.ThrowsAsync<SessionEndedException>(() => client.ExistsAsync("/a"));
    }
}
