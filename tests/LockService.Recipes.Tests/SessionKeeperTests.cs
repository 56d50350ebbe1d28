using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class SessionKeeperTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task The_silence_before_a_connection_is_given_up_counts_as_an_outage()
    {
        using ZooKeeperProxy first = zookeeper.NewProxy();
        using ZooKeeperProxy second = zookeeper.NewProxy();
        var options = new CoordinationOptions
        {
            ZooKeeper = ConnectString.Parse($"{first.ConnectString},{second.ConnectString}"),
            SessionTimeout = TimeSpan.FromSeconds(4),
        };
        await using var sessions = new SessionKeeper(options, TimeProvider.System, NullLoggerFactory.Instance);
        ZooKeeperClient client = await sessions.ConnectedAsync(default);
        long before = sessions.OutageEndedAt;
        (ZooKeeperProxy used, ZooKeeperProxy other) = first.Connects.Count > 0 ? (first, second) : (second, first);

        // The session moves within milliseconds of noticing; all that can be counted came before.
        used.Stall();

        await Eventually.TrueAsync("the session has moved", () => other.Connects.Count > 0 && client.Status.State == SessionState.Connected);
        await Eventually.TrueAsync("the outage is counted", () => sessions.OutageEndedAt > before);
    }
}
