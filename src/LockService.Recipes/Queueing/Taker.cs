using LockService.Recipes.Idempotency;

namespace LockService.Recipes.Queueing;

/// <summary>One caller who wants messages.</summary>
internal sealed class Taker(int max, TimeSpan lease, long waitsUntil, OutcomeRecord? record)
{
    private readonly TaskCompletionSource<KeyedAnswer<IReadOnlyList<LeasedMessage>>> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal int Max => max;

    internal TimeSpan Lease => lease;

    /// <summary>When he has enough of waiting for a first message, as a timestamp of the clock.</summary>
    internal long WaitsUntil => waitsUntil;

    /// <summary>What the leasing must create along with it; null for nothing.</summary>
    internal OutcomeRecord? Record => record;

    internal Task<KeyedAnswer<IReadOnlyList<LeasedMessage>>> Answer => _answer.Task;

    /// <summary>Hands messages over; false if he has left.</summary>
    internal bool TryGive(IReadOnlyList<LeasedMessage> messages) => _answer.TrySetResult(KeyedAnswer.Done(messages));

    /// <summary>There was no message in time.</summary>
    internal void GiveNothing() => _answer.TrySetResult(KeyedAnswer.Refused<IReadOnlyList<LeasedMessage>>([]));

    /// <summary>The record could not be created: he has been served before.</summary>
    internal void Collide() => _answer.TrySetResult(KeyedAnswer.Collided<IReadOnlyList<LeasedMessage>>());

    internal void Fail(Exception failure) => _answer.TrySetException(failure);

    internal void Cancel(CancellationToken cancellation) => _answer.TrySetCanceled(cancellation);
}

/// <summary>A message that was taken for somebody.</summary>
/// <param name="For">Who gets it.</param>
/// <param name="Seen">The message as it was ready.</param>
/// <param name="Tree">Its queue.</param>
/// <param name="Id">Its delivery.</param>
/// <param name="Version">The version that the taking makes.</param>
/// <param name="Record">The delivery's record after it.</param>
internal sealed record TakenMessage(Taker For, ReadyMessage Seen, QueueTree Tree, DeliveryId Id, int Version, DeliveryRecord Record);
