using LockService.Recipes.Sessions;

namespace LockService.Recipes.Locking;

/// <summary>
/// One listing of a lock's directory, in the order of the queue. Staleness can only hide that somebody has left, never invent that
/// nobody is there, as long as the listing contains one's own node: all lower numbers were created before it.
/// </summary>
internal sealed class Contenders
{
    internal static readonly Contenders None = new(null);

    private readonly ContenderName[] _ordered;

    /// <summary>No number above it was looked for; of those up to it, all that were there are in the listing.</summary>
    private readonly int _highest;

    internal Contenders(DirectoryListing? listing)
        : this(listing is null ? [] : Parse(listing.Names), listing?.ChildrenZxid ?? 0, -1)
    {
        IsListed = true;
    }

    private Contenders(ContenderName[] ordered, long zxid, int highest)
    {
        _ordered = ordered;
        Zxid = zxid;
        _highest = ordered.Length > 0 ? Math.Max(highest, ordered[^1].Sequence) : highest;
    }

    /// <summary>The transaction that last changed the directory: of two listings the one with the higher number is newer.</summary>
    internal long Zxid { get; }

    /// <summary>Whether it is as it was listed, and not reckoned from that and from what was done since.</summary>
    internal bool IsListed { get; private init; }

    internal IReadOnlyList<ContenderName> InOrder => _ordered;

    internal ContenderName? Find(string name) => Array.Find(_ordered, c => c.Name == name);

    /// <summary>The same listing as the others see it once this contender has left.</summary>
    internal Contenders Without(ContenderName? own) => own is null ? this : new([.. _ordered.Where(c => c != own)], Zxid, _highest);

    /// <summary>The listing after a transaction in which contenders left and others took their places.</summary>
    /// <param name="gone">The name of one that left; null if none did.</param>
    /// <param name="replaced">Those that were replaced, by name, and by what.</param>
    /// <param name="zxid">The transaction.</param>
    internal Contenders After(string? gone, IReadOnlyDictionary<string, ContenderName> replaced, long zxid) =>
        new([.. _ordered.Where(c => c.Name != gone).Select(c => replaced.GetValueOrDefault(c.Name, c))], Math.Max(Zxid, zxid), _highest);

    /// <summary>
    /// What both listings tell together. The newer one has every contender up to its own highest number that is still there; of the older one
    /// only those behind that count, who came while the newer one was already on its way.
    /// </summary>
    internal Contenders MergedWith(Contenders other)
    {
        (Contenders newer, Contenders older) = other.Zxid >= Zxid ? (other, this) : (this, other);
        return Array.Exists(older._ordered, c => c.Sequence > newer._highest)
            ? new([.. newer._ordered, .. older._ordered.Where(c => c.Sequence > newer._highest)], newer.Zxid, newer._highest) { IsListed = newer.IsListed }
            : newer;
    }

    /// <summary>
    /// Who holds the lock, or is about to: whom nobody blocks. Only another holder keeps a holder from that: a closure, which comes in the place
    /// of one that shared the lock, keeps out who is not in yet, and so does a holder who has overtaken somebody.
    /// </summary>
    internal IEnumerable<ContenderName> Holding =>
        _ordered.Where(c => !c.IsClosure && !Array.Exists(_ordered, other => c.IsBlockedBy(other) && (other.IsHolder || !c.IsHolder)));

    /// <summary>What keeps the lock closed after leases that their holders did not end.</summary>
    internal IEnumerable<ContenderName> Closures => _ordered.Where(c => c.IsClosure);

    /// <summary>Whether somebody who comes now would have to wait.</summary>
    internal bool BlocksNewcomer(LockMode mode) =>
        mode == LockMode.Exclusive ? _ordered.Length > 0 : Array.Exists(_ordered, c => c.Mode == LockMode.Exclusive);

    /// <summary>The highest contender that blocks this one: the one to watch. Null if nothing does.</summary>
    internal ContenderName? BlockerOf(ContenderName own) => Array.FindLast(_ordered, own.IsBlockedBy);

    /// <summary>Whether this contender is blocked by that other one and by nobody else.</summary>
    internal bool IsBlockedOnlyBy(ContenderName own, string other) =>
        Array.Find(_ordered, own.IsBlockedBy) is { } first && first.Name == other && BlockerOf(own) == first;

    /// <summary>Those of ours that block this one until their time is over.</summary>
    internal IEnumerable<ContenderName> TimedBlocking(ContenderName own) => _ordered.Where(c => c.IsTimed && own.IsBlockedBy(c));

    private static ContenderName[] Parse(IReadOnlyList<string> names) =>
        [.. names.Select(ContenderName.Parse).OfType<ContenderName>().OrderBy(c => c.Sequence)];
}
