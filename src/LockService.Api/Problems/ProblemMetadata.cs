using LockService.Api.Requests;

namespace LockService.Api.Problems;

/// <summary>Tells the document that an endpoint may answer with a problem. Results do so for themselves when a handler returns them.</summary>
internal sealed record ProblemMetadata(ProblemKind Kind);

/// <summary>Declares problems that come from outside the handlers: from reading the request, and from the problem mapper.</summary>
internal static class ProblemMetadataExtensions
{
    /// <summary>Declares what every endpoint may answer that asks ZooKeeper.</summary>
    internal static RouteGroupBuilder WithStoreProblems(this RouteGroupBuilder group) =>
        group.WithProblems(ProblemKind.InvalidRequest, ProblemKind.WrongKind, ProblemKind.StoreUnavailable, ProblemKind.Draining);

    /// <summary>Declares what every endpoint may answer that reads a body and changes something.</summary>
    internal static RouteHandlerBuilder WithCommandProblems(this RouteHandlerBuilder endpoint) =>
        endpoint.WithProblems(ProblemKind.TooLarge, ProblemKind.UnsupportedMediaType, ProblemKind.OutcomeUnknown);

    /// <summary>Says that the endpoint takes an idempotency key and hands it on, and what it may answer then.</summary>
    internal static RouteHandlerBuilder TakingIdempotencyKeys(this RouteHandlerBuilder endpoint) => endpoint
        .WithMetadata(new TakesIdempotencyKey())
        .WithProblems(ProblemKind.IdempotencyInProgress, ProblemKind.IdempotencyMismatch);

    /// <summary>Declares problems.</summary>
    internal static TBuilder WithProblems<TBuilder>(this TBuilder builder, params ProblemKind[] kinds)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata([.. kinds.Select(kind => new ProblemMetadata(kind))]);
}
