using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>Leased locks with fencing tokens.</summary>
internal static class LockEndpoints
{
    public static void MapLocks(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder locks = routes.MapGroup("/v1/locks/{name}").WithTags("Locks").WithStoreProblems();
        locks.MapPost("/acquire", AcquireAsync).WithName("acquireLock").WithCommandProblems().WithProblems(ProblemKind.TooManyWaiters);
        locks.MapPost("/renew", RenewAsync).WithName("renewLock").WithCommandProblems();
        locks.MapPost("/release", ReleaseAsync).WithName("releaseLock").WithCommandProblems();
        locks.MapGet("", GetAsync).WithName("getLock");
    }

    /// <summary>Acquire a lock</summary>
    /// <remarks>
    /// Grants a lease on the lock, at once if it is free, or in arrival order within `waitMs`. The lease is yours until `ttlMs` after you sent
    /// this request, plus `waitedMs` of the answer; renew it before. Hand `fencingToken` to whatever the lock protects, so that it can refuse
    /// a holder that overslept. Hanging up ends the wait.
    /// </remarks>
    private static async Task<Results<Ok<LeaseReply>, LockHeld>> AcquireAsync(
        Command<AcquireRequest> command, Coordination coordination, HttpContext context, CancellationToken cancellation)
    {
        AcquireResult result = await coordination.Locks.AcquireAsync(command.Name, ToOptions(command.Body, context), cancellation);
        return result switch
        {
            AcquireResult.Granted(var grant) => TypedResults.Ok(grant.ToReply()),
            AcquireResult.Held held => new LockHeld(held),
            _ => throw new InvalidOperationException($"Unknown result {result}."),
        };
    }

    /// <summary>Renew a lease</summary>
    /// <remarks>The lease now lasts its TTL, or `ttlMs` from now on, counted from the sending of this request. Any instance can do it.</remarks>
    private static async Task<Results<Ok<LeaseReply>, LeaseLost>> RenewAsync(
        Command<RenewRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        TimeSpan? ttl = command.Body.TtlMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        LockGrant? grant = await coordination.Locks.RenewAsync(command.Name, command.Body.LeaseId, ttl, cancellation);
        return grant is null ? new LeaseLost() : TypedResults.Ok(grant.ToReply());
    }

    /// <summary>Release a lock</summary>
    /// <remarks>Ends the lease; the next waiter gets the lock at once.</remarks>
    private static async Task<Results<NoContent, LeaseLost>> ReleaseAsync(Command<ReleaseRequest> command, Coordination coordination)
    {
        bool released = await coordination.Locks.ReleaseAsync(command.Name, command.Body.LeaseId);
        return released ? TypedResults.NoContent() : new LeaseLost();
    }

    /// <summary>See who holds a lock and who waits</summary>
    /// <remarks>Linearizable. A lock that nobody holds is answered as well, with `held: false`: locks need no creation.</remarks>
    private static async Task<Ok<LockReply>> GetAsync(NameInPath path, Coordination coordination, CancellationToken cancellation)
    {
        LockState state = await coordination.Locks.GetAsync(path.Name, cancellation);
        return TypedResults.Ok(state.ToReply());
    }

    private static AcquireOptions ToOptions(AcquireRequest request, HttpContext context) => new()
    {
        Mode = request.Mode.ToRecipe(),
        Ttl = TimeSpan.FromMilliseconds(request.TtlMs),
        Wait = TimeSpan.FromMilliseconds(request.WaitMs),
        Owner = request.Owner ?? CallerAddress(context),
        Metadata = request.Metadata,
    };

    private static string CallerAddress(HttpContext context) => context.Connection.RemoteIpAddress switch
    {
        null => "unknown",
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4().ToString(),
        var address => address.ToString(),
    };
}
