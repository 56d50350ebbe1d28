using System.ComponentModel.DataAnnotations;

namespace LockService.Contracts;

/// <summary>Why a request was not carried out, as RFC 9457 describes it. Every error of the service has this shape.</summary>
/// <param name="Type">Identifies the kind of problem: <c>urn:lockservice:problem:</c> and the code.</param>
/// <param name="Title">The kind of problem in a few words, always the same for one code.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Detail">This occurrence in one sentence, for people.</param>
/// <param name="Code">The stable code for programs to switch on.</param>
/// <param name="TraceId">Finds the request in the logs and traces of the service; that of <c>traceparent</c> if the request had one.</param>
/// <param name="Errors">With invalid-request: what is wrong, by the name of the member, parameter or header.</param>
/// <param name="Holders">With lock-held: who holds the lock, or those of several locks that are not free; then each with its lock's name.</param>
/// <param name="QueueLength">With lock-held: how many wait for the lock, or for those of several that are not free.</param>
/// <param name="Value">With counter-out-of-range: the counter's present, unchanged value.</param>
/// <param name="RetryAfterMs">When trying again may make sense; the header Retry-After says the same in seconds.</param>
public sealed record Problem(
    [property: Required] string Type,
    [property: Required] string Title,
    [property: Required] int Status,
    [property: Required] string Detail,
    [property: Required] string Code,
    [property: Required] string TraceId,
    IReadOnlyDictionary<string, IReadOnlyList<string>>? Errors = null,
    IReadOnlyList<HolderReply>? Holders = null,
    int? QueueLength = null,
    long? Value = null,
    long? RetryAfterMs = null);
