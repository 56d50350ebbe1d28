using LockService.Recipes.Idempotency;
using LockService.Recipes.Sessions;

namespace LockService.Recipes.Queueing;

/// <summary>One caller who wants to put messages into a queue, all or none.</summary>
internal sealed class EnqueueCall(IReadOnlyList<NewMessage> messages, Deadline deadline, OutcomeRecord? record)
{
    private readonly TaskCompletionSource<KeyedAnswer<IReadOnlyList<string>>> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal IReadOnlyList<NewMessage> Messages => messages;

    internal Deadline Deadline => deadline;

    internal OutcomeRecord? Record => record;

    /// <summary>The ids that the messages get if the round they are in is committed.</summary>
    internal IReadOnlyList<string> Ids { get; set; } = [];

    /// <summary>The ids of earlier messages that those with these indexes repeat.</summary>
    internal Dictionary<int, string> Duplicates { get; } = [];

    /// <summary>The versions of keys' nodes whose windows are over, by the indexes of messages that have the keys.</summary>
    internal Dictionary<int, int> Outdated { get; } = [];

    /// <summary>Bytes of the bodies.</summary>
    internal int Bytes { get; } = messages.Sum(message => message.Body.Length);

    internal bool IsAnswered => _answer.Task.IsCompleted;

    internal Task<KeyedAnswer<IReadOnlyList<string>>> Answer => _answer.Task;

    internal void Settle() => _answer.TrySetResult(KeyedAnswer.Done(Ids));

    /// <summary>The record could not be created: the request was carried out before.</summary>
    internal void Collide() => _answer.TrySetResult(KeyedAnswer.Collided<IReadOnlyList<string>>());

    internal void Fail(Exception failure) => _answer.TrySetException(failure);

    /// <summary>The caller leaves. What was sent may be carried out all the same.</summary>
    internal void Cancel(CancellationToken cancellation) => _answer.TrySetCanceled(cancellation);
}
