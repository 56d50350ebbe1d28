using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// What this instance knows of one queue, and those who stand in line for it here. It may be behind: whatever is built on it goes along with
/// a condition that proves it.
/// </summary>
internal sealed class LocalQueue
{
    private readonly QueueServices _services;
    private readonly Lock _gate = new();
    private KnownTail? _tail;

    internal LocalQueue(string name, QueueServices services, DeliveryMoves moves)
    {
        Name = name;
        _services = services;
        Enqueues = new EnqueueLine(this, services);
        Dispenser = new Dispenser(this, services, moves);
    }

    internal string Name { get; }

    internal string Root => _services.Options.Root;

    internal EnqueueLine Enqueues { get; }

    internal Dispenser Dispenser { get; }

    /// <summary>The tail as it was last seen; null if the queue is not known to exist.</summary>
    internal KnownTail? Tail
    {
        get
        {
            lock (_gate)
            {
                return _tail;
            }
        }
    }

    /// <summary>Whether nobody stands in line here.</summary>
    internal bool IsIdle => Enqueues.IsIdle && Dispenser.IsIdle;

    /// <summary>The tail was read or written. An older state than the one known is of no interest.</summary>
    internal void Learn(KnownTail tail)
    {
        lock (_gate)
        {
            if (_tail?.Tree.Life != tail.Tree.Life)
            {
                Leave();
                _tail = tail;
                _services.Lives[tail.Tree.Life] = this;
            }
            else if (unchecked(tail.Version - _tail.Version) > 0)
            {
                // Versions wrap: one that is lower by more than half of all is higher.
                _tail = tail;
            }
        }
    }

    /// <summary>The queue was removed, or what is known of it is in doubt.</summary>
    internal void Forget(KnownTail tail)
    {
        lock (_gate)
        {
            if (_tail?.Tree.Life == tail.Tree.Life)
            {
                Leave();
            }
        }
    }

    /// <summary>Nobody asks for it here any more.</summary>
    internal void Retire()
    {
        lock (_gate)
        {
            Leave();
        }
    }

    /// <summary>Reads the tail, so that every change acknowledged before is seen.</summary>
    /// <returns>Null if there is no such queue.</returns>
    internal async Task<KnownTail?> FindAsync(ZooKeeperClient client, CancellationToken cancellation)
    {
        var pointer = new QueueTree(Root, Name, "");
        while (true)
        {
            Task sync = client.SyncAsync(pointer.Pointer, cancellation);
            Task<NodeData?> life = client.GetDataAsync(pointer.Pointer, cancellation);
            await Task.WhenAll(sync, life).ConfigureAwait(false);
            if (await life.ConfigureAwait(false) is not { } found)
            {
                if (Tail is { } gone)
                {
                    Forget(gone);
                }

                return null;
            }

            QueueTree tree = pointer with { Life = System.Text.Encoding.ASCII.GetString(found.Data.Span) };
            if (await client.GetDataAsync(tree.Tail, cancellation).ConfigureAwait(false) is { } tail)
            {
                var known = new KnownTail(tree, tail.Stat.Version, TailRecord.Parse(tail.Data));
                Learn(known);
                return known;
            }

            // Removed between the two reads: there may be another one by now.
        }
    }

    /// <inheritdoc cref="FindAsync(ZooKeeperClient, CancellationToken)"/>
    internal Task<KnownTail?> FindAsync(Deadline deadline) => _services.Store.ReadAsync(FindAsync, deadline);

    /// <summary>Makes the nodes above all queues.</summary>
    internal Task<bool> EnsureParentsAsync(Deadline deadline) => _services.Store.ReadAsync(
        async (client, token) =>
        {
            await NodeTree.EnsureAsync(client, QueueTree.Pointers(Root), CreateMode.Persistent, "queues"u8.ToArray(), token).ConfigureAwait(false);
            await NodeTree.EnsureAsync(client, QueueTree.Backlogs(Root), CreateMode.Persistent, default, token).ConfigureAwait(false);
            return true;
        },
        deadline);

    private void Leave()
    {
        if (_tail is { } tail)
        {
            _services.Lives.TryRemove(new(tail.Tree.Life, this));
            _tail = null;
        }
    }
}
