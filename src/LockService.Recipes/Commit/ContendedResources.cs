using System.Collections.Concurrent;

namespace LockService.Recipes.Commit;

/// <summary>
/// Knows the resources whose units were refused again and again because somebody else, most often another instance, changes the same nodes.
/// Each refusal costs all units of its batch a round trip, so these travel apart for a while.
/// </summary>
internal sealed class ContendedResources(TimeProvider clock)
{
    /// <summary>One or two refusals are usual: a directory is missing, two instances met.</summary>
    private const int Threshold = 3;

    /// <summary>Resources remembered; who finds no room travels with everybody else, and may delay them.</summary>
    private const int MaxResources = 1_000;

    /// <summary>How long a refusal counts.</summary>
    private static readonly TimeSpan s_while = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Collisions> _seen = new();

    /// <summary>Whether units of the resource should not share batches with those of others.</summary>
    internal bool Contains(string resource) =>
        _seen.TryGetValue(resource, out Collisions? seen) && seen.Count >= Threshold && IsRecent(seen);

    /// <summary>A unit of the resource was refused.</summary>
    internal void Note(string resource)
    {
        if (_seen.Count >= MaxResources)
        {
            foreach (KeyValuePair<string, Collisions> old in _seen.Where(entry => !IsRecent(entry.Value)))
            {
                _seen.TryRemove(old);
            }
        }

        if (_seen.Count < MaxResources || _seen.ContainsKey(resource))
        {
            long now = clock.GetTimestamp();
            _seen.AddOrUpdate(
                resource, _ => new Collisions(1, now), (_, seen) => new Collisions(IsRecent(seen) ? seen.Count + 1 : 1, now));
        }
    }

    private bool IsRecent(Collisions seen) => clock.GetElapsedTime(seen.LastAt) < s_while;

    private sealed record Collisions(int Count, long LastAt);
}
