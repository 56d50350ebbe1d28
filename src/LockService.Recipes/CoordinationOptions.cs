using LockService.ZooKeeper;

namespace LockService.Recipes;

/// <summary>Settings of the coordination service.</summary>
public sealed record CoordinationOptions
{
    /// <summary>The ZooKeeper servers, <c>host:port,host:port/chroot</c>. Default: one server at 127.0.0.1:2181.</summary>
    public ConnectString ZooKeeper { get; init; } = ConnectString.Parse("127.0.0.1:2181");

    /// <summary>How connections to ZooKeeper are encrypted. Default: not at all.</summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>
    /// Who this instance is to ZooKeeper, besides its certificate. Default: nobody, and nodes are open to everybody. Nodes created by a
    /// user are that user's alone, so that all instances, and whatever else shares their locks, must be the same one.
    /// </summary>
    public CredentialOptions Credentials { get; init; } = new();

    /// <summary>
    /// The node under which everything is kept; it is created when missing. Default <c>/lockservice</c>. Instances with different roots
    /// know nothing of each other.
    /// </summary>
    public string Root { get; init; } = "/lockservice";

    /// <summary>
    /// The ZooKeeper session timeout to ask for: how long the waiters of a crashed instance stay in the queues. Default 10 s, range 1 s
    /// to 60 s. Short: a pause of this process ends all its waits. Long: the locks a crashed instance waited for stay blocked that long.
    /// </summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a request may wait for ZooKeeper, over all retries, before it is answered as unavailable or unknown. Default 2.5 s (the
    /// contract promises an answer within 3 s), range 100 ms to 60 s.
    /// </summary>
    public TimeSpan StoreDeadline { get; init; } = TimeSpan.FromMilliseconds(2500);

    /// <summary>
    /// Waiters for locks, and as many for messages, that this instance serves at once; more are refused. Default 10,000, range 1 to 10,000.
    /// Every 2,000 take a ZooKeeper session of their own: ZooKeeper cannot reload the transaction that closes a session with more than about
    /// 2 MiB of ephemeral paths.
    /// </summary>
    public int MaxWaiters { get; init; } = 10_000;

    /// <summary>
    /// From when on a lease counts as expiring soon: percent of it that are left. Default 33, range 1 to 90. Low: holders are warned too late to
    /// renew. High: they are warned although all is well.
    /// </summary>
    public int ExpiringSoonPercent { get; init; } = 33;

    /// <summary>
    /// How long ZooKeeper may take from the beginning of a snapshot until it has come to the locks. Default 10 s, range 0 to 10 min. Who queues for
    /// a lock whose directory was made less than that ago gets a second transaction, so that those who list on a server that was restored from
    /// such a snapshot find him (see ARCHITECTURE.md, "Snapshots"). Too short, for a tree of millions of nodes, he may be overtaken there, and get the
    /// lock beside who overtook him; 0, which saves the transaction, is for servers before 3.8.5 and 3.9.4 only. ZooKeeper 3.9.6 took 50 to
    /// 200 ms for 18,000 nodes on two busy cores.
    /// </summary>
    public TimeSpan SnapshotTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often leases that nobody times are looked for. Default 1 min, range 1 s to 1 h. Bounds how late they can end.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How many leases that may have ended this instance examines in a second. Default 1,000, range 40 to 40,000. Small: after an outage, when
    /// many are due at once, they end late. Large: their ends crowd out the renewals of the others.
    /// </summary>
    public int ExpiriesPerSecond { get; init; } = 1_000;

    /// <summary>
    /// How long the outcome of a keyed request is kept, at least; at most it is kept twice as long. Default 10 min, range 1 s to 24 h. Short: a
    /// late repetition is carried out a second time. Long: every keyed request costs ZooKeeper's memory some 300 bytes for that time.
    /// </summary>
    public TimeSpan IdempotencyRetention { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// How long one round through all kept outcomes takes, in which those that are old enough are removed. Default 5 min, range 1 s to 1 h.
    /// Short: more reads, 4,096 in a round. Long: outcomes stay longer, by up to this.
    /// </summary>
    public TimeSpan IdempotencySweepInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a lane's marker is changed before another one takes its place.</summary>
    internal int MarkerVersions { get; init; } = Commit.LaneMarker.MaxVersion;

    internal void ThrowIfInvalid()
    {
        if (Root == "/" || !NodePath.IsValid(Root))
        {
            throw new ArgumentOutOfRangeException(nameof(Root), Root, "The root must be an absolute node path other than '/'.");
        }

        ThrowIfOutside(SessionTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60), nameof(SessionTimeout));
        ThrowIfOutside(StoreDeadline, TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(60), nameof(StoreDeadline));
        ThrowIfOutside(MaxWaiters, 1, 10_000, nameof(MaxWaiters));
        ThrowIfOutside(ExpiringSoonPercent, 1, 90, nameof(ExpiringSoonPercent));
        ThrowIfOutside(SnapshotTime, TimeSpan.Zero, TimeSpan.FromMinutes(10), nameof(SnapshotTime));
        ThrowIfOutside(SweepInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), nameof(SweepInterval));
        ThrowIfOutside(ExpiriesPerSecond, 40, 40_000, nameof(ExpiriesPerSecond));
        ThrowIfOutside(IdempotencyRetention, TimeSpan.FromSeconds(1), TimeSpan.FromHours(24), nameof(IdempotencyRetention));
        ThrowIfOutside(IdempotencySweepInterval, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), nameof(IdempotencySweepInterval));
    }

    private static void ThrowIfOutside<T>(T value, T least, T most, string name)
        where T : IComparable<T>
    {
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be between {least} and {most}.");
        }
    }
}
