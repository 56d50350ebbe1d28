using Microsoft.Extensions.Logging;

namespace LockService.Recipes;

/// <summary>One instance of the coordination service: its ZooKeeper sessions and the recipes on them.</summary>
public sealed class Coordination : IAsyncDisposable
{
    /// <summary>Starts to connect in the background; returns at once, whether or not ZooKeeper can be reached.</summary>
    public Coordination(CoordinationOptions options, TimeProvider clock, ILoggerFactory logs) => throw new NotImplementedException();

    /// <summary>This instance's id: random, unique among instances, new with every start.</summary>
    public string InstanceId => throw new NotImplementedException();

    /// <summary>Leased locks.</summary>
    public Locks Locks => throw new NotImplementedException();

    /// <summary>Counters.</summary>
    public Counters Counters => throw new NotImplementedException();

    /// <summary>Queues.</summary>
    public Queues Queues => throw new NotImplementedException();

    /// <summary>The state of the connection to ZooKeeper.</summary>
    public StoreStatus Status => throw new NotImplementedException();

    /// <summary>
    /// Takes no new work from now on and answers everybody who waits with <see cref="DrainingException"/>. Calls under way finish.
    /// </summary>
    public void Drain() => throw new NotImplementedException();

    /// <summary>Drains, finishes what is in flight, and closes the sessions. Waits 10 s at most.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

/// <summary>The state of an instance's connection to ZooKeeper.</summary>
/// <param name="Connected">Whether a server that accepts writes is connected and the instance does not drain.</param>
/// <param name="Draining">Whether the instance is shutting down.</param>
/// <param name="SessionState"><c>connecting</c>, <c>connected</c> or <c>ended</c>.</param>
/// <param name="SessionId">The session's id in hexadecimal; null before the first connection.</param>
/// <param name="SessionTimeout">The timeout the servers granted; null before the first connection.</param>
/// <param name="Server">The address of the server in use; null while there is none.</param>
/// <param name="Ensemble">The configured servers.</param>
public sealed record StoreStatus(
    bool Connected, bool Draining, string SessionState, string? SessionId, TimeSpan? SessionTimeout, string? Server, IReadOnlyList<string> Ensemble);
