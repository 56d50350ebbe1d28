using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>The nodes of one queue.</summary>
internal readonly record struct QueueTree(string Root, string Name)
{
    /// <summary>The queue's node, which is also what its changes are about.</summary>
    internal string Queue => $"{Parent(Root)}/{Name}";

    internal string Messages => $"{Queue}/messages";

    internal string Deliveries => $"{Queue}/deliveries";

    internal static string Parent(string root) => $"{root}/queues";

    /// <summary>The queue that a delivery's path belongs to.</summary>
    internal static QueueTree OfDelivery(string root, string path)
    {
        string[] segments = path[(Parent(root).Length + 1)..].Split('/');
        return new QueueTree(root, segments[0]);
    }

    internal string Message(MessageName name) => $"{Messages}/{name}";

    internal string Delivery(MessageName name) => $"{Deliveries}/{name}";

    /// <summary>Makes a parent of messages or deliveries. All but the topmost are containers: ZooKeeper removes them once they are empty.</summary>
    internal async Task<bool> EnsureAsync(ZooKeeperClient client, string parent, CancellationToken cancellation)
    {
        await NodeTree.EnsureAsync(client, Queue, CreateMode.Container, "queue"u8.ToArray(), cancellation).ConfigureAwait(false);
        await NodeTree.EnsureAsync(client, parent, CreateMode.Container, default, cancellation).ConfigureAwait(false);
        return true;
    }
}
