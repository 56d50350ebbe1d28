namespace LockService.Recipes.Commit;

/// <summary>What distinguishes a lane.</summary>
internal sealed record LaneOptions
{
    /// <summary>The lane's name, for metrics.</summary>
    internal required string Name { get; init; }

    /// <summary>The marker's path without its generation; no other lane of any instance may ever use it.</summary>
    internal required string MarkerPrefix { get; init; }

    /// <summary>From which version on the lane goes on with another marker.</summary>
    internal int MarkerVersions { get; init; } = LaneMarker.MaxVersion;

    /// <summary>Whether only units of one resource share a batch.</summary>
    internal bool OneResourceAtATime { get; init; }
}
