using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>What a server needs to resume a session: always the last values received, id and password together.</summary>
internal sealed record SessionIdentity(long Id, byte[] Password, TimeSpan Timeout)
{
    private const int PasswordLength = 16;

    /// <summary>The identity that asks for a new session.</summary>
    internal static SessionIdentity None { get; } = new(0, new byte[PasswordLength], TimeSpan.Zero);

    internal static SessionIdentity From(ConnectResponse response) =>
        new(response.SessionId, response.Password, TimeSpan.FromMilliseconds(response.TimeoutMs));
}
