namespace LockService.Recipes;

/// <summary>Something that happened to a lock. What is not known of it, because it was over when it was looked at, is null.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Name">The lock.</param>
public sealed record LockEvent(LockEventType Type, string Name)
{
    /// <summary>The place in the stream, for whoever wants to go on from there later.</summary>
    public string Id { get; init; } = "";

    /// <summary>Who holds, held or waits.</summary>
    public string? Owner { get; init; }

    /// <summary>Exclusive or shared; null for <see cref="LockEventType.Resync"/>.</summary>
    public LockMode? Mode { get; init; }

    /// <summary>The holder's token.</summary>
    public long? FencingToken { get; init; }

    /// <summary>About how much is left of the lease, for grants, renewals and <see cref="LockEventType.ExpiringSoon"/>.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>The whole state of the lock; only for <see cref="LockEventType.Resync"/>.</summary>
    public LockState? State { get; init; }

    /// <summary>The contender's node, whose name is a secret.</summary>
    internal string? Contender { get; init; }
}

/// <summary>What can happen to a lock.</summary>
public enum LockEventType
{
    /// <summary>What happened until now may have been missed: the state as it is now. The first event of every new stream.</summary>
    Resync,

    /// <summary>Somebody waits for the lock.</summary>
    Queued,

    /// <summary>Somebody has the lock.</summary>
    Acquired,

    /// <summary>A lease was renewed.</summary>
    Renewed,

    /// <summary>Little is left of a lease (<see cref="CoordinationOptions.ExpiringSoonPercent"/>).</summary>
    ExpiringSoon,

    /// <summary>A holder gave the lock back.</summary>
    Released,

    /// <summary>A lease ran out.</summary>
    Expired,

    /// <summary>The lock was broken.</summary>
    Broken,
}
