using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// Those who wait for one lock in this instance, in the order of the queue, and the newest that is known of the whole queue. Whoever
/// releases the lock here learns from it to whom it can be handed over in the same transaction.
/// </summary>
/// <remarks>
/// What is known is a listing of the session on which the places' nodes are, kept up to date by what is committed here. It may be stale: lower
/// contenders may have left meanwhile, but never come, except those who were in no list then (<see cref="Confirmation"/>). None of those can have
/// the lock beside an exclusive holder, so that his hand-over needs no look; the deletion of the waiter in it proves that the place was never lost.
/// </remarks>
internal sealed class LockLine
{
    /// <summary>How many shared places are granted by one release at most; the others follow by themselves.</summary>
    private const int MaxHandedOver = 32;

    private readonly Lock _gate = new();
    private readonly List<Place> _places = [];
    private Contenders _seen = Contenders.None;
    private ZooKeeperClient? _seenBy;

    internal void Add(Place place)
    {
        lock (_gate)
        {
            int index = _places.FindLastIndex(other => other.Name.Sequence < place.Name.Sequence) + 1;
            _places.Insert(index, place);
        }
    }

    /// <returns>Whether nobody stands in the line any more.</returns>
    internal bool Remove(Place place)
    {
        lock (_gate)
        {
            _places.Remove(place);
            // Who relied on hearing of it here must watch or look for himself now.
            Wake(place.Name.Name);
            return _places.Count == 0;
        }
    }

    /// <summary>Takes in a listing, made on the session of a place.</summary>
    /// <returns>Whether the place is still there, or is being changed at this moment.</returns>
    internal bool TakeIn(Place place, Contenders listing)
    {
        lock (_gate)
        {
            _seen = ReferenceEquals(_seenBy, place.Client) ? _seen.MergedWith(listing) : listing;
            _seenBy = place.Client;
            return place.State != PlaceState.Waiting || listing.Find(place.Name.Name) is not null;
        }
    }

    /// <summary>
    /// What a place has to do next. If nobody blocks it, it is claimed for its owner, who must then promote it.
    /// </summary>
    internal Turn NextTurn(Place place)
    {
        lock (_gate)
        {
            if ((place.State is PlaceState.Waiting or PlaceState.Claimed) && place.Changed.Task.IsCompleted)
            {
                place.Changed = Place.NewSignal();
            }

            if (place.State != PlaceState.Waiting)
            {
                return new Turn(place.State, null, false, place.Changed.Task);
            }

            if (_seen.Find(place.Name.Name) is null)
            {
                // Another session has taken the line over, or an older listing was overtaken by a newer one: look.
                return new Turn(PlaceState.Waiting, null, false, Task.CompletedTask);
            }

            if (_seen.BlockerOf(place.Name) is not { } blocker)
            {
                if (!_seen.IsListed)
                {
                    // It is only reckoned that nobody blocks it any more; the listing beneath may be old, and lack who was found since.
                    return new Turn(PlaceState.Waiting, null, false, Task.CompletedTask);
                }

                place.State = PlaceState.Promoting;
                return new Turn(PlaceState.Promoting, null, true, place.Changed.Task);
            }

            place.BlockedBy = blocker.Name;
            return new Turn(PlaceState.Waiting, blocker, false, place.Changed.Task);
        }
    }

    /// <summary>Those who keep a place waiting until their time is over.</summary>
    internal IEnumerable<ContenderName> TimedBefore(Place place)
    {
        lock (_gate)
        {
            return _seen.TimedBlocking(place.Name);
        }
    }

    /// <summary>Whether the contender is a waiter of this line, whose end is heard of here.</summary>
    internal bool Serves(ContenderName contender)
    {
        lock (_gate)
        {
            return _places.Exists(place => place.State != PlaceState.Abandoned && place.Name.Name == contender.Name);
        }
    }

    /// <summary>Whether somebody else has to leave before the place's turn comes.</summary>
    internal bool IsBlocked(Place place)
    {
        lock (_gate)
        {
            return _seen.BlockerOf(place.Name) is not null;
        }
    }

    /// <summary>Whether the place has the lock.</summary>
    internal bool IsGranted(Place place)
    {
        lock (_gate)
        {
            return place.State == PlaceState.Granted;
        }
    }

    /// <summary>Whether a release is handing the lock over to the place, or has done so.</summary>
    internal bool IsClaimed(Place place)
    {
        lock (_gate)
        {
            return place.State is PlaceState.Claimed or PlaceState.Granted;
        }
    }

    /// <summary>
    /// Claims those who have the lock once this holder is gone: one, or several shared ones. None if the holder shares it: somebody who was in no
    /// list here may share it with him (<see cref="Confirmation"/>); an exclusive holder keeps everybody out until that moment.
    /// </summary>
    internal IReadOnlyList<Place> ClaimBehind(ContenderName holder)
    {
        lock (_gate)
        {
            var next = new List<Place>();
            if (holder.Mode == LockMode.Shared)
            {
                return next;
            }

            foreach (Place place in _places)
            {
                bool isNext = place.State == PlaceState.Waiting
                    && place.MayBeHandedOver
                    && ReferenceEquals(place.Client, _seenBy)
                    && _seen.Find(place.Name.Name) is not null
                    && _seen.IsBlockedOnlyBy(place.Name, holder.Name);
                if (!isNext || next.Count == MaxHandedOver)
                {
                    break;
                }

                // Behind an exclusive one nobody is next: whoever comes later is blocked by it, and not by the holder only.
                place.State = PlaceState.Claimed;
                next.Add(place);
            }

            return next;
        }
    }

    /// <summary>The transaction that replaced the places' waiters by holders, and removed a holder if one is named, was committed.</summary>
    /// <returns>Those whose callers have left: their holders are nobody's.</returns>
    internal IReadOnlyList<Hold> Grant(IReadOnlyList<(Place Place, Hold Hold)> granted, string? released, long zxid)
    {
        lock (_gate)
        {
            _seen = _seen.After(released, granted.ToDictionary(one => one.Place.Name.Name, one => one.Hold.Name), zxid);
            var abandoned = new List<Hold>();
            foreach ((Place place, Hold hold) in granted)
            {
                if (place.State == PlaceState.Abandoned)
                {
                    abandoned.Add(hold);
                    continue;
                }

                (place.State, place.Hold, place.Token) = (PlaceState.Granted, hold, zxid);
                place.Changed.TrySetResult();
                Wake(place.Name.Name);
            }

            Wake(released);
            return abandoned;
        }
    }

    /// <summary>The transaction did not happen, or its outcome is open: the places' owners look for themselves.</summary>
    /// <returns>Those whose callers have left: their waiters are nobody's.</returns>
    internal IReadOnlyList<Place> Unclaim(IReadOnlyList<(Place Place, Hold Hold)> claimed, bool open)
    {
        lock (_gate)
        {
            var abandoned = new List<Place>();
            foreach ((Place place, Hold hold) in claimed)
            {
                if (place.State == PlaceState.Abandoned)
                {
                    abandoned.Add(place);
                }
                else if (place.State is PlaceState.Claimed or PlaceState.Promoting)
                {
                    place.State = PlaceState.Waiting;
                    place.Open = open ? hold : place.Open;
                    place.Changed.TrySetResult();
                }
            }

            return abandoned;
        }
    }

    /// <summary>Gives a place up.</summary>
    /// <returns>Its phase until now.</returns>
    internal PlaceState Abandon(Place place)
    {
        lock (_gate)
        {
            PlaceState until = place.State;
            place.State = PlaceState.Abandoned;
            return until;
        }
    }

    private void Wake(string? gone)
    {
        foreach (Place place in _places)
        {
            if (gone is not null && place.BlockedBy == gone)
            {
                place.Changed.TrySetResult();
            }
        }
    }
}

/// <summary>What a place in a line has to do next.</summary>
/// <param name="State">The place's phase.</param>
/// <param name="Blocker">Whom it has to wait for; null if for nobody.</param>
/// <param name="MayPromote">Whether it is its turn.</param>
/// <param name="Changed">Completes when it has to ask again.</param>
internal readonly record struct Turn(PlaceState State, ContenderName? Blocker, bool MayPromote, Task Changed);
