using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking.Events;

/// <summary>Who is in a lock's directory, as far as a feed knows; turns what it hears into events. Used by one thread at a time.</summary>
/// <remarks>
/// What is created with <see cref="CommitUnit.CreateListed"/> is reported as created, deleted and created, although it came once.
/// </remarks>
internal sealed class KnownContenders(LockServices services, LockDirectory directory, string name, EventLog log)
{
    /// <summary>Several times what one transaction can report.</summary>
    private const int MaxGone = 1_000;

    private readonly Dictionary<string, Known> _known = [];
    private readonly Dictionary<string, LockEventType> _reasons = [];

    /// <summary>The last ones that were reported as gone. No path is used twice: what is reported of them later happened before.</summary>
    private readonly Queue<string> _gone = new();

    /// <summary>Begins anew, without events.</summary>
    internal void Reset(IEnumerable<string> names, IReadOnlyDictionary<string, NodeData> nodes)
    {
        _known.Clear();
        _reasons.Clear();
        _gone.Clear();
        foreach (string child in names)
        {
            if (ContenderName.Parse(child) is { } contender && nodes.TryGetValue(child, out NodeData? node))
            {
                _known.Add(child, See(contender, node));
            }
        }
    }

    /// <summary>Takes in one report; what it is about may have changed again since.</summary>
    internal void TakeIn(WatchEventType type, string child, IReadOnlyDictionary<string, NodeData> nodes)
    {
        if (Ending.Parse(child) is (var holder, var reason))
        {
            if (type == WatchEventType.NodeCreated)
            {
                _reasons[holder] = reason;
            }
        }
        else if (ContenderName.Parse(child) is { } contender)
        {
            NodeData? node = nodes.GetValueOrDefault(child);
            switch (type)
            {
                case WatchEventType.NodeCreated when !_known.ContainsKey(child) && !_gone.Contains(child):
                    Add(contender, node);
                    break;
                case WatchEventType.NodeDataChanged when node is not null && _known.TryGetValue(child, out Known? known) && node.Stat.Version > known.Version:
                    _known[child] = See(contender, node);
                    Tell(LockEventType.Renewed, _known[child]);
                    break;
                case WatchEventType.NodeDeleted when node is null:
                    Remove(child);
                    break;
            }
        }
    }

    /// <summary>Until somebody's lease is about to end; null if nobody's is.</summary>
    internal TimeSpan? NextExpiringSoon() => Untold().Select(one => (TimeSpan?)(one.Left > TimeSpan.Zero ? one.Left : TimeSpan.Zero)).Min();

    internal void TellWhoExpiresSoon()
    {
        foreach ((Known known, TimeSpan left) in Untold().ToArray())
        {
            if (left <= TimeSpan.Zero)
            {
                known.Told = true;
                Tell(LockEventType.ExpiringSoon, known);
            }
        }
    }

    private void Add(ContenderName contender, NodeData? node)
    {
        // What was gone when it was looked at has come all the same, and its end will be reported.
        Known known = node is null ? new Known(contender) { Told = true } : See(contender, node);
        _known.Add(contender.Name, known);
        if (!contender.IsClosure)
        {
            Tell(contender.IsHolder ? LockEventType.Acquired : LockEventType.Queued, known);
        }
    }

    private void Remove(string child)
    {
        LockEventType how = _reasons.Remove(child, out LockEventType reason) ? reason : LockEventType.Released;
        if (!_known.Remove(child, out Known? known))
        {
            return;
        }

        _gone.Enqueue(child);
        if (_gone.Count > MaxGone)
        {
            _gone.Dequeue();
        }

        if (known.Contender.IsHolder)
        {
            Tell(how, known);
        }
    }

    private Known See(ContenderName contender, NodeData node)
    {
        ContenderRecord? record = ContenderRecord.Parse(node.Data);
        TimeSpan? ttl = contender.IsHolder ? services.HolderLease.ReadTtl(node) : null;
        string path = directory.Child(contender.Name);
        if (ttl is { } lease)
        {
            services.Leases.Observe(path, node.Stat.Version, lease, services.HolderLease);
        }

        return new Known(contender)
        {
            Owner = record?.Owner ?? LockReader.NativeOwner(node),
            Token = contender.IsHolder ? node.Stat.CreatedZxid : null,
            Version = node.Stat.Version,
            Ttl = ttl,
            Told = ttl is null,
        };
    }

    private void Tell(LockEventType type, Known known) => log.Append(new LockEvent(type, name)
    {
        Owner = known.Owner,
        Mode = known.Contender.Mode,
        FencingToken = known.Token,
        Remaining = type is LockEventType.Acquired or LockEventType.Renewed or LockEventType.ExpiringSoon ? Remaining(known) : null,
        Contender = known.Contender.Name,
    });

    private IEnumerable<(Known Known, TimeSpan Left)> Untold() => _known.Values.Where(known => !known.Told)
        .Select(known => (known, Remaining(known)!.Value - (known.Ttl!.Value * services.Options.ExpiringSoonPercent / 100)));

    private TimeSpan? Remaining(Known known) => services.Leases.Remaining(directory.Child(known.Contender.Name)) ?? known.Ttl;

    private sealed class Known(ContenderName contender)
    {
        internal ContenderName Contender => contender;

        internal string? Owner { get; init; }

        internal long? Token { get; init; }

        internal int Version { get; init; }

        internal TimeSpan? Ttl { get; init; }

        /// <summary>Whether nothing is to be said any more of the end of this version of the lease.</summary>
        internal bool Told { get; set; }
    }
}
