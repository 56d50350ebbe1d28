using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>One lease on several locks: all of them or none.</summary>
internal static class MultiLockEndpoints
{
    public static void MapMultiLocks(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder locks = routes.MapGroup("/v1/multilocks").WithTags("Locks").WithStoreProblems();
        locks.MapPost("/acquire", AcquireAsync).WithName("acquireLocks").WithCommandProblems().WithProblems(ProblemKind.TooManyWaiters).TakingIdempotencyKeys();
        locks.MapPost("/renew", RenewAsync).WithName("renewLocks").WithCommandProblems().TakingIdempotencyKeys();
        locks.MapPost("/release", ReleaseAsync).WithName("releaseLocks").WithCommandProblems().TakingIdempotencyKeys();
    }

    /// <summary>Acquire several locks at once</summary>
    /// <remarks>
    /// Grants one lease on all of the locks, or on none: at once if all are free, or in arrival order of each within `waitMs`. Callers that
    /// name the same locks in different orders never wait for each other in a circle. The lease is yours until `ttlMs` after you sent this
    /// request, plus `waitedMs` of the answer; renew it before, with one request for all. Everything else is as for a single lock, which
    /// these are: others see them with `GET /v1/locks/{name}`, and wait for them there. Hanging up ends the wait.
    /// </remarks>
    private static async Task<Results<Answer<MultiLeaseReply>, LocksHeld, LeaseLost>> AcquireAsync(
        NamelessCommand<MultiAcquireRequest> command, Coordination coordination, HttpContext context, CancellationToken cancellation)
    {
        MultiAcquireResult result = await coordination.MultiLocks.AcquireAsync(ToLocks(command.Body), ToOptions(command, context), cancellation);
        return result switch
        {
            MultiAcquireResult.Granted(var grant) => JsonAnswer.Ok(grant.ToReply()),
            MultiAcquireResult.Held held => new LocksHeld(held),
            MultiAcquireResult.Ended => new LeaseLost(),
            _ => throw new InvalidOperationException($"Unknown result {result}."),
        };
    }

    /// <summary>Renew a lease on several locks</summary>
    /// <remarks>The lease on all of them now lasts its TTL, or `ttlMs` from now on, counted from the sending of this request. Any instance can do it.</remarks>
    private static async Task<Results<Answer<MultiLeaseReply>, LeaseLost>> RenewAsync(
        NamelessCommand<RenewRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        TimeSpan? ttl = command.Body.TtlMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        MultiGrant? grant = await coordination.MultiLocks.RenewAsync(command.Body.LeaseId, ttl, command.Key, cancellation);
        return grant is null ? new LeaseLost() : JsonAnswer.Ok(grant.ToReply());
    }

    /// <summary>Release several locks</summary>
    /// <remarks>Ends the lease on all of its locks at one moment; the next waiters get them at once.</remarks>
    private static async Task<Results<NoContent, LeaseLost>> ReleaseAsync(NamelessCommand<ReleaseRequest> command, Coordination coordination) =>
        await coordination.MultiLocks.ReleaseAsync(command.Body.LeaseId, command.Key) ? TypedResults.NoContent() : new LeaseLost();

    private static LockMember[] ToLocks(MultiAcquireRequest body) => [.. body.Locks.Select(one => new LockMember(one.Name, one.Mode.ToRecipe()))];

    private static AcquireOptions ToOptions(NamelessCommand<MultiAcquireRequest> command, HttpContext context) => new()
    {
        Ttl = TimeSpan.FromMilliseconds(command.Body.TtlMs),
        Wait = TimeSpan.FromMilliseconds(command.Body.WaitMs),
        LockDelay = TimeSpan.FromMilliseconds(command.Body.LockDelayMs),
        Owner = command.Body.Owner ?? LockEndpoints.CallerAddress(context),
        Metadata = command.Body.Metadata,
        Key = command.Key,
    };
}
