using LockService.Contracts;

namespace LockService.Api.Problems;

/// <summary>One row of the table of problems: what is the same in every occurrence.</summary>
/// <param name="Code">The stable code.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Title">A few words.</param>
internal sealed record ProblemKind(string Code, int Status, string Title)
{
    internal static readonly ProblemKind InvalidRequest = new(ErrorCodes.InvalidRequest, 400, "The request is malformed or out of range");
    internal static readonly ProblemKind NotFound = new(ErrorCodes.NotFound, 404, "There is nothing here");
    internal static readonly ProblemKind MethodNotAllowed = new(ErrorCodes.MethodNotAllowed, 405, "The method is not allowed here");
    internal static readonly ProblemKind LockHeld = new(ErrorCodes.LockHeld, 409, "The lock is held");
    internal static readonly ProblemKind CounterOutOfRange = new(ErrorCodes.CounterOutOfRange, 409, "The counter would leave its range");
    internal static readonly ProblemKind QueueFull = new(ErrorCodes.QueueFull, 409, "The queue is full");
    internal static readonly ProblemKind WrongKind = new(ErrorCodes.WrongKind, 409, "The name is in use for something else");
    internal static readonly ProblemKind IdempotencyInProgress = new(ErrorCodes.IdempotencyInProgress, 409, "The first request with this key is still being served");
    internal static readonly ProblemKind LeaseLost = new(ErrorCodes.LeaseLost, 410, "The lease is lost");
    internal static readonly ProblemKind PreconditionFailed = new(ErrorCodes.PreconditionFailed, 412, "The precondition does not hold");
    internal static readonly ProblemKind TooLarge = new(ErrorCodes.TooLarge, 413, "The request is too large");
    internal static readonly ProblemKind UnsupportedMediaType = new(ErrorCodes.UnsupportedMediaType, 415, "The body is not declared as JSON");
    internal static readonly ProblemKind IdempotencyMismatch = new(ErrorCodes.IdempotencyMismatch, 422, "The key was used for another request");
    internal static readonly ProblemKind TooManyWaiters = new(ErrorCodes.TooManyWaiters, 429, "Too many waiters");
    internal static readonly ProblemKind InternalError = new(ErrorCodes.InternalError, 500, "The service failed");
    internal static readonly ProblemKind StoreUnavailable = new(ErrorCodes.StoreUnavailable, 503, "ZooKeeper is not available");
    internal static readonly ProblemKind Draining = new(ErrorCodes.Draining, 503, "The instance is shutting down");
    internal static readonly ProblemKind OutcomeUnknown = new(ErrorCodes.OutcomeUnknown, 504, "The outcome is unknown");

    /// <summary>The problem type, the form in which RFC 9457 wants the code.</summary>
    internal string Type { get; } = $"urn:lockservice:problem:{Code}";
}
