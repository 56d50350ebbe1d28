using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>Queues whose messages are leased and acknowledged.</summary>
internal static class QueueEndpoints
{
    private static readonly string[] s_head = [HttpMethods.Head];

    public static void MapQueues(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder queues = routes.MapGroup("/v1/queues/{name}").WithTags("Queues").WithStoreProblems();
        queues.MapGet("", GetAsync).WithName("getQueue");
        queues.MapMethods("", s_head, GetAsync).ExcludeFromDescription();
        queues.MapPut("", SetAsync).WithName("setQueue").WithCommandProblems().TakingIdempotencyKeys();
        queues.MapDelete("", RemoveAsync).WithName("removeQueue").WithProblems(ProblemKind.OutcomeUnknown).TakingIdempotencyKeys();
        queues.MapGet("/messages", ListAsync).WithName("listMessages");
        queues.MapMethods("/messages", s_head, ListAsync).ExcludeFromDescription();
        queues.MapPost("/enqueue", EnqueueAsync).WithName("enqueueMessages").WithCommandProblems().WithProblems(ProblemKind.QueueFull).TakingIdempotencyKeys();
        queues.MapPost("/dequeue", DequeueAsync).WithName("dequeueMessages").WithCommandProblems().WithProblems(ProblemKind.TooManyWaiters).TakingIdempotencyKeys();
        queues.MapPost("/ack", AckAsync).WithName("ackMessages").WithCommandProblems().TakingIdempotencyKeys();
        queues.MapPost("/redrive", RedriveAsync).WithName("redriveMessages").WithCommandProblems().TakingIdempotencyKeys();
        queues.MapPost("/nack", NackAsync).WithName("nackMessages").WithCommandProblems().TakingIdempotencyKeys();
        queues.MapPost("/extend", ExtendAsync).WithName("extendMessages").WithCommandProblems().TakingIdempotencyKeys();
    }

    /// <summary>Read the state of a queue</summary>
    /// <remarks>Counts what is there, dead letters included. Reflects every change acknowledged before.</remarks>
    private static async Task<Results<Answer<QueueReply>, QueueNotFound>> GetAsync(
        NameInPath path, Coordination coordination, CancellationToken cancellation)
    {
        QueueState? queue = await coordination.Queues.GetAsync(path.Name, cancellation);
        return queue is null ? new QueueNotFound(path.Name) : JsonAnswer.Ok(queue.ToReply());
    }

    /// <summary>Set the settings of a queue</summary>
    /// <remarks>Creates the queue if it does not exist. What is left out gets its default. Holds for messages that are there already, too.</remarks>
    private static async Task<Results<Answer<QueueReply>, QueueNotFound>> SetAsync(
        Command<SetQueueRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        await coordination.Queues.SetAsync(command.Name, command.Body.ToRecipe(), command.Key, cancellation);
        return await GetAsync(new NameInPath(command.Name), coordination, cancellation);
    }

    /// <summary>Remove a queue</summary>
    /// <remarks>With all its messages, dead letters and settings. Leases on its messages end at once. The next message creates the queue again.</remarks>
    private static async Task<Results<NoContent, QueueNotFound>> RemoveAsync(
        NameInPath path, KeyInHeader key, Coordination coordination, CancellationToken cancellation) =>
        await coordination.Queues.RemoveAsync(path.Name, key.Request, cancellation) ? TypedResults.NoContent() : new QueueNotFound(path.Name);

    /// <summary>Look at messages</summary>
    /// <remarks>
    /// Shows messages without leasing them, in the order in which they leave. `next` is what to give as `after` for the next page, null on the last
    /// one; a page ends early when its bodies have more than 4 MiB. Lease ids are never shown.
    /// </remarks>
    private static async Task<Results<Answer<QueueMessagesReply>, QueueNotFound>> ListAsync(
        NameInPath path, MessageQuery query, Coordination coordination, CancellationToken cancellation)
    {
        QueuePage? page = await coordination.Queues.PeekAsync(path.Name, query.State, query.After, query.Limit, cancellation);
        return page is null ? new QueueNotFound(path.Name) : JsonAnswer.Ok(new QueueMessagesReply([.. page.Items.Select(message => message.ToReply())], page.Next));
    }

    /// <summary>Put dead letters back</summary>
    /// <remarks>Up to `max` of them are ready again, at their old places and as if they had never been delivered.</remarks>
    private static async Task<Results<Answer<RedriveReply>, QueueNotFound>> RedriveAsync(
        Command<RedriveRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        long? redriven = await coordination.Queues.RedriveAsync(command.Name, command.Body.Max, command.Key, cancellation);
        return redriven is { } count ? JsonAnswer.Ok(new RedriveReply(count)) : new QueueNotFound(command.Name);
    }

    /// <summary>Put messages into a queue</summary>
    /// <remarks>
    /// One message as `body` with what goes with it, or up to 100 as `messages`, all or none of them. A queue is created by its first message. One
    /// that has `maxLength` messages takes no more.
    /// </remarks>
    private static async Task<CreatedAnswer<EnqueueReply>> EnqueueAsync(
        Command<EnqueueRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        EnqueueRequest request = command.Body;
        Recipes.NewMessage[] messages = [.. request.All.Select(message => message.ToRecipe())];
        IReadOnlyList<string> ids = await coordination.Queues.EnqueueAsync(command.Name, messages, command.Key, cancellation);
        return JsonAnswer.Created(request.Messages is null ? new EnqueueReply(ids[0]) : new EnqueueReply(MessageIds: ids));
    }

    /// <summary>Lease messages</summary>
    /// <remarks>
    /// Leases the messages that are first: those of higher priority, then in the order they came, waiting for a first one within `waitMs`.
    /// Acknowledge each when its work is done; one that is not acknowledged within `leaseMs` comes back at its old place. No message in time is an
    /// empty list, not an error. Fewer than `max` come if their bodies have more than 4 MiB.
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

    /// <summary>Give messages back</summary>
    /// <remarks>
    /// The messages are ready again at their old places, at once or after `delayMs`; those that were delivered `maxDeliveries` times become dead
    /// letters. Lost leases are told as by ack.
    /// </remarks>
    private static async Task<Results<Answer<NackReply>, LeaseLost>> NackAsync(
        Command<NackRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        string[] leases = [.. command.Body.LeaseIds.Distinct(StringComparer.Ordinal)];
        TimeSpan delay = TimeSpan.FromMilliseconds(command.Body.DelayMs);
        IReadOnlyList<string> lost = await coordination.Queues.NackAsync(command.Name, leases, delay, command.Key, cancellation);
        return leases.Length == 1 && lost.Count == 1 ? new LeaseLost() : JsonAnswer.Ok(new NackReply(leases.Length - lost.Count, lost));
    }

    /// <summary>Extend leases</summary>
    /// <remarks>The leases begin anew and last `leaseMs`, counted from the sending of the request. Lost leases are told as by ack.</remarks>
    private static async Task<Results<Answer<ExtendReply>, LeaseLost>> ExtendAsync(
        Command<ExtendRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        string[] leases = [.. command.Body.LeaseIds.Distinct(StringComparer.Ordinal)];
        TimeSpan? lease = command.Body.LeaseMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        IReadOnlyList<string> lost = await coordination.Queues.ExtendAsync(command.Name, leases, lease, command.Key, cancellation);
        return leases.Length == 1 && lost.Count == 1 ? new LeaseLost() : JsonAnswer.Ok(new ExtendReply(leases.Length - lost.Count, lost));
    }
}
