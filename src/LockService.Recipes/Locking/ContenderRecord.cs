using System.Text.Json;
using System.Text.Json.Serialization;
using LockService.Recipes.Commit;
using LockService.Recipes.Leases;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>The data of a contender's node: who it is, and, for a holder, the lease.</summary>
internal sealed record ContenderRecord
{
    /// <summary>Who holds or waits.</summary>
    public required string Owner { get; init; }

    /// <summary>The lease in milliseconds, or how long a closure lasts; 0 for a waiter.</summary>
    public long TtlMs { get; init; }

    /// <summary>
    /// How much longer the lease lasts, in milliseconds, because its holder was told of it again and counts from then, or, if negative, how
    /// much shorter, because it may not be held any longer. The next renewal ends that.
    /// </summary>
    public long GraceMs { get; init; }

    /// <summary>How long the lease may be renewed to last, in milliseconds since it was granted; 0 for any time.</summary>
    public long MaxHoldMs { get; init; }

    /// <summary>How much of that had passed when this was written, in milliseconds, as far as its writer knew.</summary>
    public long HeldMs { get; init; }

    /// <summary>How long the lock stays closed, in milliseconds, if the lease is not ended by its holder.</summary>
    public long DelayMs { get; init; }

    /// <summary>What the owner wants others to see.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// The other holders that share this one's lease, each as its lock's name, a slash and the node's name; null unless the lease was granted
    /// on several locks.
    /// </summary>
    public IReadOnlyList<string>? Members { get; init; }

    /// <summary>The holder whose lease this one shares, written like <see cref="Members"/>; null if it has one of its own.</summary>
    public string? Primary { get; init; }

    /// <summary>The wall clock of the instance at the grant, or at the arrival of a waiter; for people to read.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>The instance that granted the lease or serves the waiter.</summary>
    public required string Instance { get; init; }

    /// <summary>How long it lasts, counted from the moment at which this was written.</summary>
    [JsonIgnore]
    internal TimeSpan Lease => TimeSpan.FromMilliseconds(TtlMs + GraceMs);

    /// <summary>How long ago it was granted when this was written, at least.</summary>
    [JsonIgnore]
    internal TimeSpan Age => TimeSpan.FromMilliseconds(HeldMs);

    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ContenderRecordJson.Default.ContenderRecord);

    /// <summary>Parses a node's data; null for a contender that is not ours.</summary>
    internal static ContenderRecord? Parse(ReadOnlyMemory<byte> data)
    {
        try
        {
            return data.IsEmpty ? null : JsonSerializer.Deserialize(data.Span, ContenderRecordJson.Default.ContenderRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Holders of locks and closures, for the <see cref="LeaseObserver"/>.</summary>
internal sealed class HolderLease(CommitLanes lanes, LeaseObserver leases, LockMetrics metrics) : ILeaseKind
{
    public TimeSpan? ReadTtl(NodeData node) =>
        node.Stat.EphemeralOwner == 0 && ContenderRecord.Parse(node.Data) is { TtlMs: > 0 } record
            ? record.Lease
            : null;

    /// <summary>Refused if it was released, expired by another instance, or renewed: whoever was first has decided.</summary>
    public async Task ExpireAsync(ZooKeeperClient client, string path, NodeData node, CancellationToken cancellation)
    {
        ContenderRecord record = ContenderRecord.Parse(node.Data)!;
        IReadOnlyList<string> paths = LeaseNodes.PathsOf(path, record);
        Closure[] closures = [.. paths.Select(one => Closure.After(one, record)).OfType<Closure>()];
        CommitResult result = await LeaseNodes
            .EndAsync(lanes, paths, node.Stat.Version, LockEventType.Expired, closures, companions: null, () => Observe(closures), lanes.NewDeadline())
            .ConfigureAwait(false);
        if (result.Committed)
        {
            Observe(closures);
            if (ContenderName.Parse(path[(path.LastIndexOf('/') + 1)..]) is { IsHolder: true })
            {
                metrics.Expired();
            }
        }
    }

    private void Observe(Closure[] closures) => Array.ForEach(closures, closure => closure.Observe(leases, this));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(ContenderRecord))]
internal sealed partial class ContenderRecordJson : JsonSerializerContext;
