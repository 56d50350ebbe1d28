using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace LockService.Api;

/// <summary>Leases, looked up by their holders.</summary>
internal static class LeaseEndpoints
{
    public static void MapLeases(this IEndpointRouteBuilder routes)
    {
        RouteGroupBuilder leases = routes.MapGroup("/v1/leases").WithTags("Leases").WithStoreProblems();
        leases.MapGet($"/{{{LeaseIdInPath.Parameter}}}", GetAsync).WithName("getLease");
        leases.MapGet($"/{{{LeaseIdInPath.Parameter}}}/events", ListenAsync).WithName("listenToLease").WithProblems(ProblemKind.TooManyWaiters);
    }

    /// <summary>Look up a lease</summary>
    /// <remarks>
    /// Linearizable. What is left of the lease is about right; to be sure of it, renew. The lease id is a secret: a proxy that logs paths logs it.
    /// </remarks>
    private static async Task<Results<Answer<LeaseStateReply>, LeaseLost>> GetAsync(
        LeaseIdInPath path, Coordination coordination, CancellationToken cancellation)
    {
        LeaseState? lease = await coordination.Locks.GetLeaseAsync(path.LeaseId, cancellation);
        return lease is null ? new LeaseLost() : JsonAnswer.Ok(lease.ToReply());
    }

    /// <summary>Be told of the end of a lease</summary>
    /// <remarks>
    /// Server-sent events for the holder: `expiring-soon`, again after every renewal, and then `released`, `expired` or `broken`, which ends the
    /// stream. A holder that hears nothing must still count its lease itself.
    /// </remarks>
    private static async Task<Results<EventStream, LeaseLost>> ListenAsync(
        LeaseIdInPath path, Coordination coordination, CancellationToken cancellation)
    {
        LockEvents? events = await coordination.Locks.ListenToLeaseAsync(path.LeaseId, cancellation);
        return events is null ? new LeaseLost() : new EventStream(events);
    }
}
