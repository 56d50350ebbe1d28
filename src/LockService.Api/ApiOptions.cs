using LockService.Recipes;

namespace LockService.Api;

/// <summary>Settings of the service, section <c>LockService</c> of the configuration.</summary>
internal sealed record ApiOptions
{
    /// <summary>The name of the section.</summary>
    internal const string Section = "LockService";

    /// <summary>Settings of what lies below HTTP.</summary>
    public CoordinationOptions Coordination { get; init; } = new();

    /// <summary>
    /// Connections at once; further ones are closed at once. Default 10,000, range 1 to 1,000,000. Small: callers are turned away. Large:
    /// each costs memory and a file descriptor.
    /// </summary>
    public long MaxConnections { get; init; } = 10_000;

    /// <summary>
    /// How long the service still answers after it was told to stop and its readiness began to fail, so that load balancers notice.
    /// Default 1 s, range 0 to 5 s. Short: connections are refused that a load balancer still sends. Long: rolling updates take longer.
    /// </summary>
    public TimeSpan DrainDelay { get; init; } = TimeSpan.FromSeconds(1);
}
