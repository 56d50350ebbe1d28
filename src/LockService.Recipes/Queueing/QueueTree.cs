using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>The nodes of one queue, from its creation to its removal. One that is made again under the same name has another life, and no node in common.</summary>
/// <param name="Root">The service's root.</param>
/// <param name="Name">The queue's name.</param>
/// <param name="Life">16 random hexadecimal digits.</param>
internal readonly record struct QueueTree(string Root, string Name, string Life)
{
    internal const int LifeLength = 16;

    /// <summary>The node whose data is the life: while it exists, the queue does.</summary>
    internal string Pointer => $"{Pointers(Root)}/{Name}";

    internal string Backlog => $"{Backlogs(Root)}/{Life}";

    /// <summary>See <see cref="TailRecord"/>. Removed in the transaction that removes the pointer: every unit sets or checks it.</summary>
    internal string Tail => $"{Backlog}/tail";

    /// <summary>
    /// Set whenever a message becomes ready again, for those to hear who wait elsewhere, and by an instance that asks for its turn. Its version counts
    /// that; its data is for how many milliseconds who asks has had nothing.
    /// </summary>
    internal string Returns => $"{Backlog}/returns";

    /// <summary>See <see cref="Deduplication"/>.</summary>
    internal string Keys => $"{Backlog}/keys";

    /// <summary>Whether a path is that of a segment, or of a shard of keys: what has nodes in it, two levels below a backlog.</summary>
    internal static bool IsSegment(string path)
    {
        const string backlogs = "/backlogs/";
        int life = path.LastIndexOf(backlogs, StringComparison.Ordinal) + backlogs.Length;
        return life >= backlogs.Length && path.AsSpan(life).Count('/') == 2;
    }

    internal static string Pointers(string root) => $"{root}/queues";

    internal static string Backlogs(string root) => $"{root}/backlogs";

    /// <summary>The queue and the message that a delivery's path belongs to. The queue's name is not part of it.</summary>
    internal static (QueueTree Tree, MessageName Name) OfDelivery(string root, string path)
    {
        string[] parts = path[(Backlogs(root).Length + 1)..].Split('/');
        return (new QueueTree(root, "", parts[0]), MessageName.Parse(parts[^1])!.Value);
    }

    internal string Shelf(Shelf shelf) => $"{Backlog}/{NameOf(shelf)}";

    internal string Segment(Shelf shelf, SegmentName segment) => $"{Backlog}/{NameOf(shelf)}/{segment}";

    internal string Node(Shelf shelf, MessageName name) => $"{Backlog}/{NameOf(shelf)}/{name.Segment}/{name}";

    internal string Message(MessageName name) => Node(Queueing.Shelf.Messages, name);

    internal string Delivery(MessageName name) => Node(Queueing.Shelf.Deliveries, name);

    /// <summary>A unit that is refused once the queue was removed.</summary>
    internal CommitUnit NewUnit(Action<CommitResult>? unclaimed = null) => new CommitUnit(Backlog) { Unclaimed = unclaimed }.Check(Tail, -1);

    /// <summary>Adds the making of the queue with its first messages.</summary>
    internal void AddCreation(CommitUnit unit, byte[] tail)
    {
        unit.Create(Pointer, System.Text.Encoding.ASCII.GetBytes(Life), CreateMode.Persistent);
        unit.Create(Backlog, System.Text.Encoding.ASCII.GetBytes(Name), CreateMode.Persistent);
        unit.Create(Tail, tail, CreateMode.Persistent);
        unit.Create(Returns, default, CreateMode.Persistent);
        unit.Create(Keys, default, CreateMode.Persistent);
        foreach (Shelf shelf in Enum.GetValues<Shelf>())
        {
            unit.Create(Shelf(shelf), default, CreateMode.Persistent);
        }
    }

    private static string NameOf(Shelf shelf) => shelf switch
    {
        Queueing.Shelf.Messages => "messages",
        Queueing.Shelf.Deliveries => "deliveries",
        Queueing.Shelf.Returned => "returned",
        Queueing.Shelf.Delayed => "delayed",
        _ => "dead",
    };
}

/// <summary>The directories of a queue; each has segments, and nodes named like the messages in them.</summary>
internal enum Shelf
{
    /// <summary>The messages, with header and body; never changed.</summary>
    Messages,

    /// <summary>What became of a message since it was first leased or delayed, see <see cref="DeliveryRecord"/>. Stays until the message goes.</summary>
    Deliveries,

    /// <summary>Marks of the messages whose record says that they are ready again.</summary>
    Returned,

    /// <summary>Marks of the messages whose record says that they are delayed.</summary>
    Delayed,

    /// <summary>Marks of the messages whose record says that they are dead letters.</summary>
    Dead,
}
