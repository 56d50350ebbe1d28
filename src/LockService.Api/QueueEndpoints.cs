using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>Queues whose messages are leased and acknowledged.</summary>
internal static class QueueEndpoints
{
    public static void MapQueues(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder queues = routes.MapGroup("/v1/queues/{name}").WithTags("Queues").WithStoreProblems();
        queues.MapPost("/enqueue", EnqueueAsync).WithName("enqueueMessages").WithCommandProblems().TakingIdempotencyKeys();
        queues.MapPost("/dequeue", DequeueAsync).WithName("dequeueMessages").WithCommandProblems().WithProblems(ProblemKind.TooManyWaiters).TakingIdempotencyKeys();
        queues.MapPost("/ack", AckAsync).WithName("ackMessages").WithCommandProblems().TakingIdempotencyKeys();
    }

    /// <summary>Put messages into a queue</summary>
    /// <remarks>One message as `body`, or up to 100 as `messages`, all or none of them. A queue is created by its first message.</remarks>
    private static async Task<CreatedAnswer<EnqueueReply>> EnqueueAsync(
        Command<EnqueueRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        EnqueueRequest request = command.Body;
        Recipes.NewMessage[] messages = request.Messages is { } several ? [.. several.Select(message => message.ToRecipe())] : [request.ToRecipe()];
        IReadOnlyList<string> ids = await coordination.Queues.EnqueueAsync(command.Name, messages, command.Key, cancellation);
        return JsonAnswer.Created(request.Messages is null ? new EnqueueReply(ids[0]) : new EnqueueReply(MessageIds: ids));
    }

    /// <summary>Lease messages</summary>
    /// <remarks>
    /// Leases the oldest messages that nobody has leased, waiting for a first one within `waitMs`. Acknowledge each when its work is done; one
    /// that is not acknowledged within `leaseMs` comes back at its old place. No message in time is an empty list, not an error.
    /// </remarks>
    private static async Task<Answer<DequeueReply>> DequeueAsync(
        Command<DequeueRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        DequeueRequest request = command.Body;
        IReadOnlyList<LeasedMessage> messages = await coordination.Queues.DequeueAsync(
            command.Name, (int)request.Max, TimeSpan.FromMilliseconds(request.WaitMs), TimeSpan.FromMilliseconds(request.LeaseMs), command.Key, cancellation);
        return JsonAnswer.Ok(new DequeueReply([.. messages.Select(message => message.ToReply())]));
    }

    /// <summary>Acknowledge messages</summary>
    /// <remarks>Removes the messages for good. Leases that had ended are listed as lost; if there is but one and it had ended, that is a 410.</remarks>
    private static async Task<Results<Answer<AckReply>, LeaseLost>> AckAsync(
        Command<AckRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        string[] leases = [.. command.Body.LeaseIds.Distinct(StringComparer.Ordinal)];
        IReadOnlyList<string> lost = await coordination.Queues.AckAsync(command.Name, leases, command.Key, cancellation);
        return leases.Length == 1 && lost.Count == 1 ? new LeaseLost() : JsonAnswer.Ok(new AckReply(leases.Length - lost.Count, lost));
    }
}
