using System.Globalization;
using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>Counters of 64 bits.</summary>
internal static class CounterEndpoints
{
    public static void MapCounters(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder counters = routes.MapGroup("/v1/counters/{name}").WithTags("Counters").WithStoreProblems();
        counters.MapPost("/increment", IncrementAsync).WithName("incrementCounter").WithCommandProblems();
        counters.MapGet("", GetAsync).WithName("getCounter");
    }

    /// <summary>Add to a counter</summary>
    /// <remarks>
    /// Creates the counter if it does not exist. `by: n` reserves the block `previous + 1` to `value` for the caller. A result out of `min` and
    /// `max`, or of 64 bits, is refused and changes nothing.
    /// </remarks>
    private static async Task<Results<Ok<IncrementReply>, CounterOutOfRange>> IncrementAsync(
        Command<IncrementRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        (string name, IncrementRequest body) = command;
        var options = new IncrementOptions { By = body.By, Min = body.Min, Max = body.Max, Initial = body.Initial };
        IncrementResult result = await coordination.Counters.IncrementAsync(name, options, cancellation);
        return result.InRange
            ? TypedResults.Ok(new IncrementReply(name, result.Value, result.Previous))
            : new CounterOutOfRange(name, result.Value);
    }

    /// <summary>Read a counter</summary>
    /// <remarks>Linearizable. The ETag is strong and changes with every change of the counter.</remarks>
    private static async Task<Results<Ok<CounterReply>, CounterNotFound>> GetAsync(
        NameInPath path, Coordination coordination, HttpResponse response, CancellationToken cancellation)
    {
        CounterState? counter = await coordination.Counters.GetAsync(path.Name, cancellation);
        if (counter is null)
        {
            return new CounterNotFound(path.Name);
        }

        response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{counter.Version}\"");
        return TypedResults.Ok(new CounterReply(counter.Name, counter.Value, counter.Version, counter.ModifiedAt));
    }
}
