using LockService.Contracts;
using LockService.Recipes;

namespace LockService.Api;

/// <summary>From the terms of the recipes to those of the contract.</summary>
internal static class Translation
{
    internal static Contracts.LockMode ToReply(this Recipes.LockMode mode) =>
        mode == Recipes.LockMode.Shared ? Contracts.LockMode.Shared : Contracts.LockMode.Exclusive;

    internal static Recipes.LockMode ToRecipe(this Contracts.LockMode mode) =>
        mode == Contracts.LockMode.Shared ? Recipes.LockMode.Shared : Recipes.LockMode.Exclusive;

    internal static LeaseReply ToReply(this LockGrant grant) => new(
        grant.Name,
        grant.LeaseId,
        grant.FencingToken,
        grant.Mode.ToReply(),
        grant.Owner,
        Floor(grant.Ttl),
        Floor(grant.Waited),
        grant.AcquiredAt,
        grant.ExpiresAt);

    internal static MultiLeaseReply ToReply(this MultiGrant grant) => new(
        [.. grant.Locks.Select(one => new LeasedLock(one.Name, one.Mode.ToReply(), grant.FencingToken))],
        grant.LeaseId,
        grant.FencingToken,
        grant.Owner,
        Floor(grant.Ttl),
        Floor(grant.Waited),
        grant.AcquiredAt,
        grant.ExpiresAt);

    internal static LockReply ToReply(this LockState state) => new(
        state.Name,
        state.Holders.Count > 0,
        state.Holders is [var first, ..] ? first.Mode.ToReply() : null,
        [.. state.Holders.Select(ToReply)],
        [.. state.Waiters.Select(ToReply)],
        state.QueueLength,
        state.Closed is { } closed ? Floor(closed) : null);

    internal static LockListReply ToReply(this LockPage page) => new(
        [.. page.Items.Select(state => new HeldLockReply(
            state.Name, true, state.Holders[0].Mode.ToReply(), [.. state.Holders.Select(ToReply)], state.QueueLength))],
        page.Next);

    internal static LeaseStateReply ToReply(this LeaseState lease) => new(
        lease.Locks is null ? "lock" : "multilock",
        [.. lease.Names],
        lease.Holder.Owner,
        lease.Locks is null ? lease.Holder.Mode.ToReply() : null,
        lease.Holder.FencingToken,
        Floor(lease.Holder.Remaining!.Value),
        Floor(lease.Ttl),
        lease.Holder.AcquiredAt,
        lease.Holder.Metadata,
        lease.Locks is null ? null : [.. lease.Locks.Select(one => new LeasedLock(one.Name, one.Mode.ToReply(), lease.Holder.FencingToken))]);

    internal static LockEventReply ToReply(this LockEvent one) =>
        new(one.Name, one.Owner, one.Mode?.ToReply(), one.FencingToken, one.Remaining is { } remaining ? Floor(remaining) : null);

    internal static HolderReply ToReply(this LockHolder holder) => new(
        holder.Owner,
        holder.Mode.ToReply(),
        holder.FencingToken,
        holder.AcquiredAt,
        holder.Remaining is { } remaining ? Floor(remaining) : null,
        holder.Metadata);

    internal static CounterReply ToReply(this CounterState counter) => new(counter.Name, counter.Value, counter.Version, counter.ModifiedAt);

    internal static CounterCondition ToCondition(this Requests.Preconditions conditions) => new(conditions.Exists, conditions.Versions);

    internal static Recipes.NewMessage ToRecipe(this Contracts.NewMessage message) => new(message.Body.Utf8)
    {
        Priority = (int)message.Priority,
        Delay = TimeSpan.FromMilliseconds(message.DelayMs),
        TimeToLive = message.TtlMs is { } ttl ? TimeSpan.FromMilliseconds(ttl) : null,
        DeduplicationKey = message.DeduplicationKey,
    };

    internal static QueueSettings ToRecipe(this SetQueueRequest request) => new()
    {
        MaxLength = (int)request.MaxLength,
        MaxDeliveries = (int)request.MaxDeliveries,
        DeduplicationWindow = TimeSpan.FromMilliseconds(request.DeduplicationWindowMs),
    };

    internal static QueueReply ToReply(this QueueState queue) => new(
        queue.Name,
        queue.Ready,
        queue.Delayed,
        queue.Leased,
        queue.DeadLettered,
        queue.OldestAge is { } age ? Floor(age) : null,
        new QueueSettingsReply(queue.Settings.MaxLength, queue.Settings.MaxDeliveries, Floor(queue.Settings.DeduplicationWindow)));

    internal static QueueMessageReply ToReply(this SeenMessage message) => new(
        message.MessageId,
        Requests.MessageQuery.States[(int)message.State],
        new JsonText(message.Body),
        message.Priority,
        message.DeliveryCount,
        message.EnqueuedAt);

    internal static MessageReply ToReply(this LeasedMessage message) => new(
        message.MessageId,
        message.LeaseId,
        new JsonText(message.Body),
        message.Priority,
        message.DeliveryCount,
        message.EnqueuedAt,
        Floor(message.Lease));

    private static WaiterReply ToReply(LockWaiter waiter) => new(waiter.Position, waiter.Owner, waiter.Mode.ToReply(), Floor(waiter.Waiting));

    /// <summary>Rounded down: a caller may add what it is told to its own deadline, and must not get a later one than the real end.</summary>
    private static long Floor(TimeSpan duration) => duration.Ticks / TimeSpan.TicksPerMillisecond;
}
