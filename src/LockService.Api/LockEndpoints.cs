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
        RouteGroupBuilder locks = routes.MapGroup("/v1/locks").WithTags("Locks").WithStoreProblems();
        locks.MapGet("", ListAsync).WithName("listLocks");
        locks.MapPost("/{name}/acquire", AcquireAsync).WithName("acquireLock").WithCommandProblems().WithProblems(ProblemKind.TooManyWaiters).TakingIdempotencyKeys();
        locks.MapPost("/{name}/renew", RenewAsync).WithName("renewLock").WithCommandProblems().TakingIdempotencyKeys();
        locks.MapPost("/{name}/release", ReleaseAsync).WithName("releaseLock").WithCommandProblems().TakingIdempotencyKeys();
        locks.MapPost("/{name}/verify", VerifyAsync).WithName("verifyLock").WithProblems(ProblemKind.TooLarge, ProblemKind.UnsupportedMediaType);
        locks.MapGet("/{name}", GetAsync).WithName("getLock");
        locks.MapDelete("/{name}", BreakAsync).WithName("breakLock").WithProblems(ProblemKind.OutcomeUnknown).TakingIdempotencyKeys();
        locks.MapGet("/{name}/events", ListenAsync).WithName("listenToLock").WithProblems(ProblemKind.TooManyWaiters);
    }

    /// <summary>List held locks</summary>
    /// <remarks>
    /// Sorted by name, up to `limit` of those that begin with `prefix` and are held. `next` is what to give as `after` for the next page, null on
    /// the last one. A lock held throughout the request is listed; one that comes or goes meanwhile may be missing.
    /// </remarks>
    private static async Task<Answer<LockListReply>> ListAsync(PageQuery query, Coordination coordination, CancellationToken cancellation)
    {
        LockPage page = await coordination.Locks.ListAsync(query.Prefix, query.After, query.Limit, cancellation);
        return JsonAnswer.Ok(page.ToReply());
    }

    /// <summary>Acquire a lock</summary>
    /// <remarks>
    /// Grants a lease on the lock, at once if it is free, or in arrival order within `waitMs`. The lease is yours until `ttlMs` after you sent
    /// this request, plus `waitedMs` of the answer; renew it before. Hand `fencingToken` to whatever the lock protects, so that it can refuse
    /// a holder that overslept. Hanging up ends the wait.
    /// </remarks>
    private static async Task<Results<Answer<LeaseReply>, LockHeld, LeaseLost>> AcquireAsync(
        Command<AcquireRequest> command, Coordination coordination, HttpContext context, CancellationToken cancellation)
    {
        AcquireResult result = await coordination.Locks.AcquireAsync(command.Name, ToOptions(command, context), cancellation);
        return result switch
        {
            AcquireResult.Granted(var grant) => JsonAnswer.Ok(grant.ToReply()),
            AcquireResult.Held held => new LockHeld(held),
            AcquireResult.Ended => new LeaseLost(),
            AcquireResult.OtherMode(var mode) => throw new ProblemException(OtherMode(mode)),
            _ => throw new InvalidOperationException($"Unknown result {result}."),
        };
    }

    /// <summary>Renew a lease</summary>
    /// <remarks>The lease now lasts its TTL, or `ttlMs` from now on, counted from the sending of this request. Any instance can do it.</remarks>
    private static async Task<Results<Answer<LeaseReply>, LeaseLost>> RenewAsync(
        Command<RenewRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        TimeSpan? ttl = command.Body.TtlMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        (string name, RenewRequest body, KeyedRequest? key) = command;
        LockGrant? grant = key is null
            ? await coordination.Locks.RenewAsync(name, body.LeaseId, ttl, cancellation)
            : await coordination.Locks.RenewAsync(name, body.LeaseId, ttl, key, cancellation);
        return grant is null ? new LeaseLost() : JsonAnswer.Ok(grant.ToReply());
    }

    /// <summary>Release a lock</summary>
    /// <remarks>Ends the lease; the next waiter gets the lock at once.</remarks>
    private static async Task<Results<NoContent, LeaseLost>> ReleaseAsync(Command<ReleaseRequest> command, Coordination coordination)
    {
        (string name, ReleaseRequest body, KeyedRequest? key) = command;
        bool released = key is null
            ? await coordination.Locks.ReleaseAsync(name, body.LeaseId)
            : await coordination.Locks.ReleaseAsync(name, body.LeaseId, key);
        return released ? TypedResults.NoContent() : new LeaseLost();
    }

    /// <summary>Verify a holder</summary>
    /// <remarks>
    /// Linearizable: whether the token, or the lease, is that of a holder of this lock now. For resources that cannot remember the highest
    /// token themselves; what was valid a moment ago need not be any more.
    /// </remarks>
    private static async Task<Answer<VerifyReply>> VerifyAsync(
        Command<VerifyRequest> command, Coordination coordination, CancellationToken cancellation)
    {
        bool valid = command.Body.LeaseId is { } leaseId
            ? await coordination.Locks.VerifyAsync(command.Name, leaseId, cancellation)
            : await coordination.Locks.VerifyAsync(command.Name, command.Body.FencingToken!.Value, cancellation);
        return JsonAnswer.Ok(new VerifyReply(valid));
    }

    /// <summary>See who holds a lock and who waits</summary>
    /// <remarks>Linearizable. A lock that nobody holds is answered as well, with `held: false`: locks need no creation.</remarks>
    private static async Task<Answer<LockReply>> GetAsync(NameInPath path, Coordination coordination, CancellationToken cancellation)
    {
        LockState state = await coordination.Locks.GetAsync(path.Name, cancellation);
        return JsonAnswer.Ok(state.ToReply());
    }

    /// <summary>Break a lock</summary>
    /// <remarks>
    /// Ends the leases of all present holders at once, whoever they are, and opens the lock if it is closed; they learn it as `lease-lost`. Waiters
    /// stay, and the next one gets the lock, after the broken lease's `lockDelayMs` if it has one. Also answered with 204 if nobody held it. Who
    /// broke what, and why, is logged.
    /// </remarks>
    private static async Task<NoContent> BreakAsync(
        NameInPath path, ReasonInQuery reason, KeyInHeader key, Coordination coordination, HttpContext context)
    {
        var options = new BreakOptions { Caller = CallerAddress(context), Reason = reason.Reason, Key = key.Request };
        await coordination.Locks.BreakAsync(path.Name, options);
        return TypedResults.NoContent();
    }

    /// <summary>Follow a lock</summary>
    /// <remarks>
    /// Server-sent events, as they happen: `queued`, `acquired`, `renewed`, `expiring-soon`, `released`, `expired`, `broken`. The first event is `resync`
    /// with the state of the lock, and so is whichever comes where some may be missing. With the `Last-Event-ID` of an earlier stream it goes on
    /// behind that, if the instance still knows it. For information: an event comes a moment after what it tells.
    /// </remarks>
    private static async Task<EventStream> ListenAsync(
        NameInPath path, Coordination coordination, HttpContext context, CancellationToken cancellation) =>
        new(await coordination.Locks.ListenAsync(path.Name, context.Request.Headers[EventStream.LastEventIdHeader], cancellation));

    private static AcquireOptions ToOptions(Command<AcquireRequest> command, HttpContext context) => new()
    {
        Mode = command.Body.Mode.ToRecipe(),
        Ttl = TimeSpan.FromMilliseconds(command.Body.TtlMs),
        MaxHold = command.Body.MaxHoldMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
        LeaseId = command.Body.LeaseId,
        Wait = TimeSpan.FromMilliseconds(command.Body.WaitMs),
        LockDelay = TimeSpan.FromMilliseconds(command.Body.LockDelayMs),
        Owner = command.Body.Owner ?? CallerAddress(context),
        Metadata = command.Body.Metadata,
        Key = command.Key,
    };

    private static InvalidRequest OtherMode(Recipes.LockMode mode)
    {
        var errors = new RequestErrors();
        errors.Add("mode", $"must be \"{mode.ToString().ToLowerInvariant()}\", as that of the lease that leaseId names.");
        return new InvalidRequest(errors);
    }

    internal static string CallerAddress(HttpContext context) => context.Connection.RemoteIpAddress switch
    {
        null => "unknown",
        { IsIPv4MappedToIPv6: true } mapped => mapped.MapToIPv4().ToString(),
        var address => address.ToString(),
    };
}
