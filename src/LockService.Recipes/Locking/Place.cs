using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// A place in a lock's queue: a waiter's node on one ZooKeeper session, and what has become of it. Everything that changes belongs to
/// the <see cref="LockLine"/> it stands in, and is changed by it only.
/// </summary>
internal sealed class Place(ContenderName name, ZooKeeperClient client, AcquireOptions options, bool mayBeHandedOver)
{
    internal ContenderName Name => name;

    /// <summary>The session that owns the node; its listings, and no others, tell who is before it.</summary>
    internal ZooKeeperClient Client => client;

    internal AcquireOptions Options => options;

    /// <summary>Whether it can be granted by a release; not so if its caller wants something else to happen in the same transaction.</summary>
    internal bool MayBeHandedOver => mayBeHandedOver;

    internal PlaceState State { get; set; }

    /// <summary>The contender that keeps it waiting, as far as was seen.</summary>
    internal string? BlockedBy { get; set; }

    /// <summary>Completes when something has changed that may concern it.</summary>
    internal TaskCompletionSource Changed { get; set; } = NewSignal();

    /// <summary>The holder that took its place.</summary>
    internal Hold? Hold { get; set; }

    /// <summary>The transaction that granted it.</summary>
    internal long Token { get; set; }

    /// <summary>A holder that may have taken its place, or may yet: the outcome was open when the releaser had to be answered.</summary>
    internal Hold? Open { get; set; }

    internal static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>The phases of a place.</summary>
internal enum PlaceState
{
    /// <summary>A waiter is there, and nobody is changing that.</summary>
    Waiting,

    /// <summary>It is its turn: its owner is replacing the waiter by a holder.</summary>
    Promoting,

    /// <summary>A release is handing the lock over to it.</summary>
    Claimed,

    /// <summary>The holder is there.</summary>
    Granted,

    /// <summary>Given up, or lost.</summary>
    Abandoned,
}
