using System.Reflection;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.Metadata;

namespace LockService.Api.Problems;

/// <summary>409: the lock is not free, with everything a caller needs to decide whether to try again.</summary>
internal sealed class LockHeld : ProblemResult, IEndpointMetadataProvider
{
    private readonly LockState _state;

    internal LockHeld(AcquireResult.Held held)
        : base(ProblemKind.LockHeld, Sentence(held.State)) => (_state, RetryAfter) = (held.State, held.RetryAfter);

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.LockHeld));

    protected override Problem Complete(Problem problem) =>
        problem with { Holders = [.. _state.Holders.Select(holder => holder.ToReply())], QueueLength = _state.QueueLength };

    private static string Sentence(LockState state) => state.Holders switch
    {
        [] when state.Closed is not null => $"The lock '{state.Name}' is closed for a while, since its last lease was not released.",
        [] => $"The lock '{state.Name}' was about to be granted to another waiter.",
        [var only] => $"The lock '{state.Name}' is held by '{only.Owner}'.",
        [var first, ..] => $"The lock '{state.Name}' is held by '{first.Owner}' and {state.Holders.Count - 1} more.",
    };
}

/// <summary>The same for several locks, of which at least one is not free.</summary>
internal sealed class LocksHeld : ProblemResult, IEndpointMetadataProvider
{
    private readonly IReadOnlyList<LockState> _states;

    internal LocksHeld(MultiAcquireResult.Held held)
        : base(ProblemKind.LockHeld, Sentence(held.States)) => (_states, RetryAfter) = (held.States, held.RetryAfter);

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.LockHeld));

    protected override Problem Complete(Problem problem) => problem with
    {
        Holders = [.. _states.SelectMany(state => state.Holders.Select(holder => holder.ToReply() with { Name = state.Name }))],
        QueueLength = _states.Sum(state => state.QueueLength),
    };

    private static string Sentence(IReadOnlyList<LockState> states)
    {
        if (states.FirstOrDefault(state => state.Holders.Count > 0) is { } held)
        {
            return $"The lock '{held.Name}' is held by '{held.Holders[0].Owner}'; {states.Count} of the locks {(states.Count == 1 ? "is" : "are")} not free.";
        }

        return states.FirstOrDefault(state => state.Closed is not null) is { } closed
            ? $"The lock '{closed.Name}' is closed for a while, since its last lease was not released."
            : "The locks were about to be granted to another waiter.";
    }
}

/// <summary>410: the lease cannot be renewed, released or acknowledged any more.</summary>
internal sealed class LeaseLost() : ProblemResult(ProblemKind.LeaseLost, "This lease has ended, was released, or never was."), IEndpointMetadataProvider
{
    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.LeaseLost));
}

/// <summary>404: the counter does not exist.</summary>
internal sealed class CounterNotFound(string name)
    : ProblemResult(ProblemKind.NotFound, $"There is no counter '{name}'; the first increment creates it."), IEndpointMetadataProvider
{
    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.NotFound));
}

/// <summary>404: the queue does not exist.</summary>
internal sealed class QueueNotFound(string name)
    : ProblemResult(ProblemKind.NotFound, $"There is no queue '{name}'; the first message creates it."), IEndpointMetadataProvider
{
    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.NotFound));
}

/// <summary>412: the counter is not in the state that the request's headers ask for.</summary>
internal sealed class CounterChanged(string name)
    : ProblemResult(ProblemKind.PreconditionFailed, $"The counter '{name}' is not as If-Match or If-None-Match asks; it stays as it is.");

/// <summary>409: the increment would leave the bounds it names, or 64 bits.</summary>
internal sealed class CounterOutOfRange(string name, long value)
    : ProblemResult(ProblemKind.CounterOutOfRange, $"The counter '{name}' is {value} and stays so: the result would be out of range."), IEndpointMetadataProvider
{
    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.CounterOutOfRange));

    protected override Problem Complete(Problem problem) => problem with { Value = value };
}

/// <summary>400 or 413: the request itself is wrong.</summary>
internal sealed class InvalidRequest(RequestErrors errors) : ProblemResult(KindOf(errors), Sentence(errors))
{
    protected override Problem Complete(Problem problem) => problem with { Errors = errors.ByMember };

    private static ProblemKind KindOf(RequestErrors errors) => errors.OnlyTooLarge ? ProblemKind.TooLarge : ProblemKind.InvalidRequest;

    private static string Sentence(RequestErrors errors)
    {
        (string member, IReadOnlyList<string> messages) = errors.ByMember.First();
        string first = $"{member} {messages[0]}";
        return errors.ByMember.Count == 1 ? first : $"{first} There are {errors.ByMember.Count} errors, see 'errors'.";
    }
}

/// <summary>503: the instance cannot serve now.</summary>
internal sealed class NotReady : ProblemResult, IEndpointMetadataProvider
{
    internal NotReady(bool draining)
        : base(
            draining ? ProblemKind.Draining : ProblemKind.StoreUnavailable,
            draining ? "This instance is shutting down." : "There is no live ZooKeeper session.") => RetryAfter = TimeSpan.FromSeconds(1);

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder)
    {
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.StoreUnavailable));
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.Draining));
    }
}
