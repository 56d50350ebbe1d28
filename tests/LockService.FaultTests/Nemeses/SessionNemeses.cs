using System.Buffers.Binary;
using System.Net.Sockets;
using LockService.FaultTests.Clusters;
using LockService.Testing;

namespace LockService.FaultTests.Nemeses;

/// <summary>Sessions end while the instance that has them lives, and its network is whole.</summary>
internal static class SessionNemeses
{
    /// <summary>Z11: one of them; its waiters lose their places, and whatever it had in flight is open.</summary>
    internal static INemesis ExpireOne { get; } = new Nemesis("expiry of one session", NemesisTarget.Sessions, async (cluster, random, hurry) =>
    {
        IReadOnlyList<StoreSession> sessions = SessionsOf(InstanceNemeses.One(cluster, random));
        if (sessions.Count > 0)
        {
            await ExpireAsync(cluster, Nemesis.OneOf(random, sessions), hurry);
        }
    });

    /// <summary>Z11, N15: all of an instance at once.</summary>
    internal static INemesis ExpireAll { get; } = new Nemesis("expiry of all sessions of an instance", NemesisTarget.Sessions, (cluster, random, hurry) =>
        Task.WhenAll(SessionsOf(InstanceNemeses.One(cluster, random)).Select(session => ExpireAsync(cluster, session, hurry))));

    /// <summary>The sessions that an instance uses now.</summary>
    internal static IReadOnlyList<StoreSession> SessionsOf(Instance instance) =>
        [.. instance.ToZooKeeper.SelectMany(link => link.Greetings).Select(StoreSession.Parse).OfType<StoreSession>().DistinctBy(session => session.Id)];

    /// <summary>Ends a session by any server that will do it soon; none does while there is no quorum.</summary>
    private static async Task ExpireAsync(FaultCluster cluster, StoreSession session, CancellationToken hurry)
    {
        foreach (ZooKeeperServer server in cluster.ZooKeeper.Servers.Where(server => server.IsRunning && !server.IsFrozen))
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(hurry);
            limit.CancelAfter(TimeSpan.FromSeconds(3));
            try
            {
                await server.KillSessionAsync(session.Id, session.Password, limit.Token);
                return;
            }
            catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
            {
                // This server is broken at the moment.
            }
            catch (InvalidOperationException)
            {
                // It has ended meanwhile, by itself.
                return;
            }
        }
    }
}

/// <summary>A session of ZooKeeper as its owner was told of it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Password">What proves that it is one's own.</param>
internal sealed record StoreSession(long Id, byte[] Password)
{
    private const int PasswordLength = 16;

    /// <summary>Reads the first frame of a connection.</summary>
    /// <returns>Null if there is none yet, or the session was refused.</returns>
    internal static StoreSession? Parse(byte[] greeting)
    {
        // int length; ConnectResponse: int protocolVersion, int timeOut, long sessionId, buffer passwd.
        const int timeout = 8;
        const int id = 12;
        const int length = 20;
        const int password = 24;
        return greeting.Length >= password + PasswordLength
            && BinaryPrimitives.ReadInt32BigEndian(greeting.AsSpan(timeout)) > 0
            && BinaryPrimitives.ReadInt32BigEndian(greeting.AsSpan(length)) == PasswordLength
            ? new StoreSession(BinaryPrimitives.ReadInt64BigEndian(greeting.AsSpan(id)), greeting[password..(password + PasswordLength)])
            : null;
    }
}
