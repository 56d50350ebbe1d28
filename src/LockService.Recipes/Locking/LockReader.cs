using System.Text;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>Turns a listing into who holds and who waits. Whatever it sees of holders it also gives to the lease observer.</summary>
internal sealed class LockReader(LockServices services)
{
    /// <summary>Waiters that a state read describes; the rest is counted.</summary>
    private const int MaxWaiters = 100;

    /// <summary>Holders that a state read describes.</summary>
    private const int MaxHolders = 100;

    /// <summary>Longest text of a native client's node that is shown as its owner.</summary>
    private const int MaxOwnerBytes = 200;

    private static readonly Dictionary<string, string> s_noMetadata = [];

    /// <param name="client">The session of the listing.</param>
    /// <param name="directory">The lock's directory.</param>
    /// <param name="name">The lock.</param>
    /// <param name="seen">The listing.</param>
    /// <param name="withWaiters">Whether waiters are to be described, or only counted.</param>
    /// <param name="cancellation">Gives up.</param>
    internal async Task<LockState> ReadAsync(
        ZooKeeperClient client, LockDirectory directory, string name, Contenders seen, bool withWaiters, CancellationToken cancellation)
    {
        // One that calls itself a holder and is blocked is left from an earlier version's short way.
        ContenderName[] holding = [.. seen.Holding.Take(MaxHolders)];
        ContenderName[] waiting = [.. seen.InOrder.Except(holding).Where(c => !c.IsTimed)];
        ContenderName[] closures = [.. seen.Closures.Take(MaxHolders)];
        ContenderName[] described = withWaiters ? [.. waiting.Take(MaxWaiters)] : [];

        string[] paths = [.. holding.Concat(described).Concat(closures).Select(c => directory.Child(c.Name))];
        NodeData?[] nodes = await services.Reads.GetDataAsync(client, paths, latest: false, cancellation).ConfigureAwait(false);

        await ObserveSharedAsync(
            client,
            Enumerable.Range(0, holding.Length).Select(i => (paths[i], nodes[i] is { } node ? ContenderRecord.Parse(node.Data) : null)),
            cancellation).ConfigureAwait(false);

        var holders = new List<LockHolder>();
        var waiters = new List<LockWaiter>();
        int queueLength = waiting.Length;
        for (int i = 0; i < holding.Length + described.Length; i++)
        {
            ContenderName contender = i < holding.Length ? holding[i] : described[i - holding.Length];
            if (nodes[i] is not { } node)
            {
                // Left between the listing and the read.
                queueLength -= i < holding.Length ? 0 : 1;
                continue;
            }

            ContenderRecord? record = ContenderRecord.Parse(node.Data);
            if (i < holding.Length && (contender.IsHolder || record is null))
            {
                holders.Add(Holder(directory, contender, node, record));
                continue;
            }

            // First in the queue, and not yet told that the lock is its own.
            queueLength += i < holding.Length ? 1 : 0;
            if (withWaiters)
            {
                waiters.Add(Waiter(waiters.Count + 1, contender, node, record));
            }
        }

        int closuresAt = holding.Length + described.Length;
        return new LockState(name, holders, waiters, queueLength) { Closed = ClosedFor(paths.AsSpan(closuresAt), nodes.AsSpan(closuresAt)) };
    }

    /// <summary>Reads those holders that are not being timed yet, and has them timed.</summary>
    internal async Task ObserveAsync(
        ZooKeeperClient client, LockDirectory directory, IEnumerable<ContenderName> holders, CancellationToken cancellation)
    {
        IEnumerable<string> unknown = holders.Select(holder => directory.Child(holder.Name)).Where(path => !services.Leases.IsObserved(path));
        foreach (string[] paths in unknown.Chunk(MaxHolders))
        {
            NodeData?[] nodes = await SharedReads
                .AgainAsync(t => services.Reads.GetDataAsync(client, paths, latest: false, t), cancellation).ConfigureAwait(false);
            for (int i = 0; i < paths.Length; i++)
            {
                if (nodes[i] is { } node && services.HolderLease.ReadTtl(node) is { } ttl)
                {
                    TimeSpan age = ContenderRecord.Parse(node.Data)!.Age;
                    services.Leases.Observe(paths[i], node.Stat.Version, ttl, services.HolderLease, age: age);
                }
            }

            await ObserveSharedAsync(client, paths.Zip(nodes, (path, node) => (path, node is null ? null : ContenderRecord.Parse(node.Data))), cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Has the leases timed that holders share with another one. If that one is not there although it was read later, somebody removed it past
    /// the service: what shared its lease has none any more, and is removed.
    /// </summary>
    private async Task ObserveSharedAsync(
        ZooKeeperClient client, IEnumerable<(string Path, ContenderRecord? Record)> holders, CancellationToken cancellation)
    {
        (string Path, string Primary)[] sharing =
            [.. holders.Where(h => h.Record?.Primary is not null).Select(h => (h.Path, LeaseNodes.CarrierOf(h.Path, h.Record!)))];
        string[] primaries = [.. sharing.Select(one => one.Primary)];
        NodeData?[] nodes = await SharedReads
            .AgainAsync(t => services.Reads.GetDataAsync(client, primaries, latest: false, t), cancellation).ConfigureAwait(false);
        for (int i = 0; i < sharing.Length; i++)
        {
            if (nodes[i] is { } node && ContenderRecord.Parse(node.Data) is { } record)
            {
                IReadOnlyList<string> others = LeaseNodes.OthersOf(primaries[i], record);
                services.Leases.Observe(primaries[i], node.Stat.Version, record.Lease, services.HolderLease, age: record.Age, sharedBy: others);
            }
            else
            {
                services.Deletes.Delete(LeaseNodes.DirectoryOf(sharing[i].Path), sharing[i].Path);
            }
        }
    }

    /// <summary>The longest time that is left of the closures; null if there is none any more.</summary>
    private TimeSpan? ClosedFor(ReadOnlySpan<string> paths, ReadOnlySpan<NodeData?> nodes)
    {
        TimeSpan? longest = null;
        for (int i = 0; i < paths.Length; i++)
        {
            if (nodes[i] is { } node && services.HolderLease.ReadTtl(node) is { } time)
            {
                services.Leases.Observe(paths[i], node.Stat.Version, time, services.HolderLease);
                TimeSpan left = services.Leases.Remaining(paths[i]) ?? time;
                longest = longest > left ? longest : left;
            }
        }

        return longest;
    }

    /// <summary>Describes a holder; <paramref name="record"/> is null for one that is not ours.</summary>
    internal LockHolder Holder(LockDirectory directory, ContenderName contender, NodeData node, ContenderRecord? record)
    {
        if (record is null)
        {
            return new LockHolder(
                NativeOwner(node), contender.Mode, node.Stat.CreatedZxid, DateTimeOffset.FromUnixTimeMilliseconds(node.Stat.CreatedAt), null, s_noMetadata);
        }

        string path = directory.Child(contender.Name);
        TimeSpan ttl = record.Lease;
        if (record.Primary is null)
        {
            services.Leases.Observe(path, node.Stat.Version, ttl, services.HolderLease, age: record.Age);
        }

        return new LockHolder(
            record.Owner, contender.Mode, node.Stat.CreatedZxid, record.Since, services.Leases.Remaining(path) ?? ttl, record.Metadata);
    }

    private LockWaiter Waiter(int position, ContenderName contender, NodeData node, ContenderRecord? record)
    {
        DateTimeOffset since = record?.Since ?? DateTimeOffset.FromUnixTimeMilliseconds(node.Stat.CreatedAt);
        TimeSpan waiting = services.Clock.GetUtcNow() - since;
        return new LockWaiter(position, record?.Owner ?? NativeOwner(node), contender.Mode, waiting > TimeSpan.Zero ? waiting : TimeSpan.Zero);
    }

    /// <summary>Curator writes its address, kazoo an identifier of the user's choice.</summary>
    internal static string NativeOwner(NodeData node)
    {
        ReadOnlySpan<byte> data = node.Data.Span;
        bool readable = data.Length is > 0 and <= MaxOwnerBytes && data.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0;
        return readable ? Encoding.ASCII.GetString(data) : "native client";
    }
}
