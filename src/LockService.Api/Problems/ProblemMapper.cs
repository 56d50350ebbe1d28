using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;

namespace LockService.Api.Problems;

/// <summary>
/// The one place that turns into a problem what no handler returned: exceptions, and answers of the framework that have no body. It
/// also logs what operators should know of.
/// </summary>
internal sealed partial class ProblemMapper(ILogger<ProblemMapper> log)
{
    /// <summary>Long enough for a broken connection to come back, short enough for people.</summary>
    private static readonly TimeSpan s_retryAfter = TimeSpan.FromSeconds(1);

    internal static ProblemResult BodyTooLarge { get; } = new(ProblemKind.TooLarge, "The body has more than 1 MiB.");

    internal ProblemResult FromException(HttpContext context, Exception exception)
    {
        switch (exception)
        {
            case ProblemException e:
                return e.Problem;
            case StoreUnavailableException e:
                return new ProblemResult(ProblemKind.StoreUnavailable, $"{e.Message} Nothing was done.") { RetryAfter = s_retryAfter };
            case DrainingException:
                return new ProblemResult(ProblemKind.Draining, "This instance is shutting down; nothing was done.") { RetryAfter = s_retryAfter };
            case TooManyWaitersException e:
                return new ProblemResult(ProblemKind.TooManyWaiters, e.Message) { RetryAfter = s_retryAfter };
            case QueueFullException e:
                return new ProblemResult(ProblemKind.QueueFull, e.Message);
            case WrongKindException e:
                return new ProblemResult(ProblemKind.WrongKind, e.Message);
            case IdempotencyMismatchException e:
                return new ProblemResult(ProblemKind.IdempotencyMismatch, $"{e.Message} Take a new key for a new request.");
            case IdempotencyInProgressException e:
                return new ProblemResult(ProblemKind.IdempotencyInProgress, e.Message) { RetryAfter = s_retryAfter };
            case EffectUnknownException:
                Log.OutcomeUnknown(log, context.Request.Method, LeaseIdInPath.PathForLogs(context), context.TraceIdentifier);
                return new ProblemResult(ProblemKind.OutcomeUnknown, "ZooKeeper's answer was lost: what was asked may have happened or not.");
            case BadHttpRequestException e:
                return FromBadRequest(e.StatusCode, e.Message);
            default:
                Log.Failed(log, exception, context.Request.Method, LeaseIdInPath.PathForLogs(context), context.TraceIdentifier);
                return new ProblemResult(ProblemKind.InternalError, "The service failed in a way that was not foreseen; its log has the details.");
        }
    }

    /// <summary>What the server refused before any handler ran.</summary>
    internal static ProblemResult FromBadRequest(int status, string reason) => status switch
    {
        StatusCodes.Status413PayloadTooLarge => BodyTooLarge,
        StatusCodes.Status415UnsupportedMediaType => new ProblemResult(ProblemKind.UnsupportedMediaType, reason),
        StatusCodes.Status400BadRequest => new ProblemResult(ProblemKind.InvalidRequest, Sentence(reason)),
        _ => new ProblemResult(ProblemKind.InvalidRequest with { Status = status }, Sentence(reason)),
    };

    /// <summary>What routing answered with a status alone; null if the answer is fine as it is.</summary>
    internal static ProblemResult? FromStatus(HttpContext context)
    {
        HttpResponse response = context.Response;
        if (response.StatusCode < 400 || response.HasStarted || response.ContentType is not null)
        {
            return null;
        }

        PathString path = context.Request.Path;
        switch (response.StatusCode)
        {
            case StatusCodes.Status404NotFound when path.Value!.Contains("//", StringComparison.Ordinal):
                var errors = new RequestErrors();
                errors.Add("path", "has an empty segment; a name has at least one character.");
                return new InvalidRequest(errors);
            case StatusCodes.Status404NotFound:
                return new ProblemResult(ProblemKind.NotFound, $"There is no route '{path}'; /openapi.yaml lists them all.");
            case StatusCodes.Status405MethodNotAllowed:
                return new ProblemResult(
                    ProblemKind.MethodNotAllowed, $"'{path}' does not take {context.Request.Method}, but {response.Headers.Allow}.");
            default:
                return FromBadRequest(response.StatusCode, "The request was refused.");
        }
    }

    /// <summary>The server leaves out what it quotes, and sometimes the full stop.</summary>
    private static string Sentence(string reason) => reason.Replace(": ''", "", StringComparison.Ordinal).TrimEnd('.') + ".";

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The outcome of {Method} {Path} is unknown (request {RequestId})")]
        internal static partial void OutcomeUnknown(ILogger log, string method, string path, string requestId);

        [LoggerMessage(2, LogLevel.Error, "{Method} {Path} failed (request {RequestId})")]
        internal static partial void Failed(ILogger log, Exception exception, string method, string path, string requestId);
    }
}
