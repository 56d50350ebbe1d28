using System.Diagnostics.Metrics;

namespace LockService.Recipes.Locking;

/// <summary>What operators see of locks: leases that their holders did not end themselves. Names of locks are never tags.</summary>
internal sealed class LockMetrics(Meter meter)
{
    private static readonly KeyValuePair<string, object?> s_expired = new("reason", "expired");
    private static readonly KeyValuePair<string, object?> s_broken = new("reason", "broken");

    private readonly Counter<long> _ended =
        meter.CreateCounter<long>("lockservice.locks.ended", "{lease}", "Leases that their holders did not end, by reason: expired, broken");

    /// <summary>A lease has run out.</summary>
    internal void Expired() => _ended.Add(1, s_expired);

    /// <summary>Leases were broken.</summary>
    internal void Broken(int leases) => _ended.Add(leases, s_broken);
}
