namespace LockService.Recipes.Tests;

/// <summary>Calls without a key, as most tests make them.</summary>
internal static class UnkeyedCalls
{
    internal static Task<CounterState?> SetAsync(
        this Counters counters, string name, long value, CounterCondition condition, CancellationToken cancellation) =>
        counters.SetAsync(name, value, condition, null, cancellation);

    internal static Task<RemoveResult> RemoveAsync(
        this Counters counters, string name, CounterCondition condition, CancellationToken cancellation) =>
        counters.RemoveAsync(name, condition, null, cancellation);

    internal static Task<IReadOnlyList<string>> EnqueueAsync(
        this Queues queues, string name, IReadOnlyList<ReadOnlyMemory<byte>> bodies, CancellationToken cancellation) =>
        queues.EnqueueAsync(name, bodies, null, cancellation);

    /// <summary>Messages that have nothing but a body.</summary>
    internal static Task<IReadOnlyList<string>> EnqueueAsync(
        this Queues queues, string name, IReadOnlyList<ReadOnlyMemory<byte>> bodies, KeyedRequest? key, CancellationToken cancellation) =>
        queues.EnqueueAsync(name, [.. bodies.Select(body => new NewMessage(body))], key, cancellation);

    internal static Task<IReadOnlyList<LeasedMessage>> DequeueAsync(
        this Queues queues, string name, int max, TimeSpan wait, TimeSpan lease, CancellationToken cancellation) =>
        queues.DequeueAsync(name, max, wait, lease, null, cancellation);

    internal static Task<IReadOnlyList<string>> AckAsync(
        this Queues queues, string name, IReadOnlyList<string> leaseIds, CancellationToken cancellation) =>
        queues.AckAsync(name, leaseIds, null, cancellation);
}
