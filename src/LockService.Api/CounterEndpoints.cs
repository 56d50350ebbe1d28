using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>Counters of 64 bits.</summary>
internal static class CounterEndpoints
{
    private static readonly string[] s_head = [HttpMethods.Head];

    public static void MapCounters(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder counters = routes.MapGroup("/v1/counters").WithTags("Counters").WithStoreProblems();
        counters.MapGet("", ListAsync).WithName("listCounters");
        counters.MapMethods("", s_head, ListAsync).ExcludeFromDescription();
        counters.MapPost("/{name}/increment", IncrementAsync).WithName("incrementCounter").WithCommandProblems().TakingIdempotencyKeys();
        counters.MapGet("/{name}", GetAsync).WithName("getCounter");
        counters.MapMethods("/{name}", s_head, GetAsync).ExcludeFromDescription();
        counters.MapPut("/{name}", SetAsync).WithName("setCounter").WithCommandProblems().TakingIdempotencyKeys();
        counters.MapDelete("/{name}", RemoveAsync).WithName("removeCounter").WithProblems(ProblemKind.OutcomeUnknown).TakingIdempotencyKeys();
    }

    /// <summary>List counters</summary>
    /// <remarks>
    /// Sorted by name, up to `limit` of those that begin with `prefix`. `next` is what to give as `after` for the next page, null on the last
    /// one. Reflects every change acknowledged before; a page of counters is read in one request.
    /// </remarks>
    private static async Task<Answer<CounterListReply>> ListAsync(PageQuery query, Coordination coordination, CancellationToken cancellation)
    {
        CounterPage page = await coordination.Counters.ListAsync(query.Prefix, query.After, query.Limit, cancellation);
        return JsonAnswer.Ok(new CounterListReply([.. page.Items.Select(counter => counter.ToReply())], page.Next));
    }

    /// <summary>Add to a counter</summary>
    /// <remarks>
    /// Creates the counter if it does not exist. `by: n` reserves the block `previous + 1` to `value` for the caller. A result out of `min` and
    /// `max`, or of 64 bits, is refused and changes nothing.
    /// </remarks>
    private static async Task<Results<Answer<IncrementReply>, CounterOutOfRange>> IncrementAsync(
        Command<IncrementRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        (string name, IncrementRequest body, KeyedRequest? key) = command;
        var options = new IncrementOptions { By = body.By, Min = body.Min, Max = body.Max, Initial = body.Initial, Key = key };
        IncrementResult result = await coordination.Counters.IncrementAsync(name, options, cancellation);
        return result.InRange
            ? JsonAnswer.Ok(new IncrementReply(name, result.Value, result.Previous))
            : new CounterOutOfRange(name, result.Value);
    }

    /// <summary>Read a counter</summary>
    /// <remarks>Linearizable. The ETag is strong and changes with every change of the counter.</remarks>
    private static async Task<Results<Answer<CounterReply>, CounterNotFound>> GetAsync(
        NameInPath path, Coordination coordination, HttpResponse response, CancellationToken cancellation)
    {
        CounterState? counter = await coordination.Counters.GetAsync(path.Name, cancellation);
        return counter is null ? new CounterNotFound(path.Name) : Tagged(counter, response);
    }

    /// <summary>Set a counter</summary>
    /// <remarks>
    /// Creates the counter if it does not exist. With `If-Match` only if it exists and has one of the entity tags, or any (`*`); with
    /// `If-None-Match: *` only if it does not exist.
    /// </remarks>
    private static async Task<Results<Answer<CounterReply>, CounterChanged>> SetAsync(
        Command<SetCounterRequest> command, Preconditions conditions, Coordination coordination, HttpResponse response, CancellationToken cancellation)
    {
        CounterState? counter = await coordination.Counters.SetAsync(
            command.Name, command.Body.Value!.Value, conditions.ToCondition(), command.Key, cancellation);
        return counter is null ? new CounterChanged(command.Name) : Tagged(counter, response);
    }

    /// <summary>Remove a counter</summary>
    /// <remarks>With `If-Match` only if it has one of the entity tags. The next increment creates it again; its version goes on rising.</remarks>
    private static async Task<Results<NoContent, CounterNotFound, CounterChanged>> RemoveAsync(
        NameInPath path, Preconditions conditions, KeyInHeader key, Coordination coordination, CancellationToken cancellation)
    {
        RemoveResult result = await coordination.Counters.RemoveAsync(path.Name, conditions.ToCondition(), key.Request, cancellation);
        return result switch
        {
            RemoveResult.Removed => TypedResults.NoContent(),
            RemoveResult.NotFound => new CounterNotFound(path.Name),
            _ => new CounterChanged(path.Name),
        };
    }

    private static Answer<CounterReply> Tagged(CounterState counter, HttpResponse response)
    {
        response.Headers.ETag = Preconditions.TagOf(counter.Version);
        return JsonAnswer.Ok(counter.ToReply());
    }
}
