using LockService.Api.Problems;
using LockService.Contracts;
using Microsoft.AspNetCore.Http.Features;

namespace LockService.Api.Requests;

/// <summary>
/// What holds for every request: it has an id, its answer is not cached, it is not ambiguous, and whatever goes wrong is answered with
/// a problem.
/// </summary>
internal sealed partial class RequestConventions(RequestDelegate next, ProblemMapper problems, ILogger<RequestConventions> log)
{
    private const string RequestIdHeader = "X-Request-Id";

    /// <summary>Where the server puts the Content-Length of a request that also has a Transfer-Encoding.</summary>
    private const string OverruledLengthHeader = "X-Content-Length";

    private const int MaxRequestIdLength = 128;

    public async Task InvokeAsync(HttpContext context)
    {
        SetHeaders(context);
        try
        {
            ProblemResult? refusal = Refuse(context.Request);
            if (refusal is null)
            {
                await next(context);
                refusal = ProblemMapper.FromStatus(context);
            }

            if (refusal is not null)
            {
                await refusal.ExecuteAsync(context);
            }
        }
        catch (Exception e)
        {
            await AnswerAsync(context, e);
        }
    }

    private async Task AnswerAsync(HttpContext context, Exception exception)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone and nobody reads the answer; the status is for metrics only.
            Log.ClientGone(log, context.TraceIdentifier);
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return;
        }

        ProblemResult problem = problems.FromException(context, exception);
        if (context.Response.HasStarted)
        {
            // A half-written answer must not look complete.
            context.Abort();
            return;
        }

        context.Response.Headers.ETag = default;
        context.Response.ContentLength = null;
        await problem.ExecuteAsync(context);
    }

    private static void SetHeaders(HttpContext context)
    {
        string? id = context.Request.Headers[RequestIdHeader];
        if (IsPrintable(id))
        {
            context.TraceIdentifier = id!;
        }

        IHeaderDictionary headers = context.Response.Headers;
        headers[RequestIdHeader] = context.TraceIdentifier;
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>What cannot mean what its sender thinks it means.</summary>
    private static InvalidRequest? Refuse(HttpRequest request)
    {
        RequestErrors? errors = null;
        if (HasDotSegment(request))
        {
            // The server has resolved "..": the path now names something else than what was written.
            (errors ??= new()).Add("path", "must not have segments that begin with a dot; no name begins with one.");
        }

        if (request.Headers.TransferEncoding.Count > 0 && request.Headers.ContainsKey(OverruledLengthHeader))
        {
            // A proxy in front may have believed the length, and would take the rest of the body for a request of its own.
            (errors ??= new()).Add("Content-Length", "must not be given together with Transfer-Encoding.");
        }

        if (request.QueryString.HasValue && request.Path.StartsWithSegments("/v1", StringComparison.OrdinalIgnoreCase))
        {
            IReadOnlyList<string> known = request.HttpContext.GetEndpoint()?.Metadata.GetMetadata<QueryMetadata>()?.Names ?? [];
            foreach (string parameter in request.Query.Keys.Except(known))
            {
                (errors ??= new()).Add(parameter, "is not a known query parameter; members of a command go into its JSON body.");
            }
        }

        IdempotencyKey.Check(request.HttpContext, ref errors);
        return errors is null ? null : new InvalidRequest(errors);
    }

    private static bool HasDotSegment(HttpRequest request)
    {
        string target = request.HttpContext.Features.Get<IHttpRequestFeature>()!.RawTarget;
        int query = target.IndexOf('?', StringComparison.Ordinal);
        ReadOnlySpan<char> path = query < 0 ? target : target.AsSpan(0, query);
        return path.IndexOf("/.") >= 0 || path.IndexOf("/%2e", StringComparison.OrdinalIgnoreCase) >= 0;
    }

    private static bool IsPrintable(string? id)
    {
        if (id is not { Length: > 0 and <= MaxRequestIdLength })
        {
            return false;
        }

        return id.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Debug, "The client of request {RequestId} has gone")]
        internal static partial void ClientGone(ILogger log, string requestId);
    }
}
