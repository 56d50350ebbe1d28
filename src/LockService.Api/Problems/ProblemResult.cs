using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using LockService.Contracts;

namespace LockService.Api.Problems;

/// <summary>One occurrence of a problem, as an answer.</summary>
internal class ProblemResult(ProblemKind kind, string detail) : IResult
{
    internal const string ContentType = "application/problem+json";

    internal ProblemKind Kind { get; } = kind;

    /// <summary>When trying again may make sense; null if it never does, or at once.</summary>
    internal TimeSpan? RetryAfter { get; init; }

    /// <inheritdoc/>
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        HttpResponse response = httpContext.Response;
        response.StatusCode = Kind.Status;
        response.ContentType = ContentType;
        if (RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        byte[] body = ToJson(TraceIdOf(httpContext));
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(httpContext.Request.Method))
        {
            await response.BodyWriter.WriteAsync(body, CancellationToken.None);
        }
    }

    internal byte[] ToJson(string traceId)
    {
        var problem = new Problem(Kind.Type, Kind.Title, Kind.Status, detail, Kind.Code, traceId)
        {
            RetryAfterMs = RetryAfter is { } wait ? (long)Math.Ceiling(wait.TotalMilliseconds) : null,
        };
        return JsonSerializer.SerializeToUtf8Bytes(Complete(problem), ContractJson.Readable.Problem);
    }

    /// <summary>Adds what only this kind has.</summary>
    protected virtual Problem Complete(Problem problem) => problem;

    /// <summary>
    /// The trace's id: of the activity if anybody listens to activities, else of the caller's <c>traceparent</c>, else the request's own
    /// id, which is in the logs as well.
    /// </summary>
    private static string TraceIdOf(HttpContext context)
    {
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity)
        {
            return activity.TraceId.ToHexString();
        }

        return ActivityContext.TryParse(context.Request.Headers.TraceParent, context.Request.Headers.TraceState, out ActivityContext parent)
            ? parent.TraceId.ToHexString()
            : context.TraceIdentifier;
    }
}
