using System.Diagnostics;
using System.IO.Pipelines;
using LockService.Api.Problems;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace LockService.Api.Hosting;

/// <summary>
/// Gives a body to the refusals of requests that are so malformed that the server answers them itself, without running any of our
/// code: a broken request line, <c>%00</c> in a path, headers that are too long. The server announces each as a diagnostic event before
/// it answers, which is the only place to add to that answer.
/// </summary>
internal sealed class ServerRejections(DiagnosticListener diagnostics) : IHostedService, IObserver<KeyValuePair<string, object?>>, IDisposable
{
    private const string EventName = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    private IDisposable? _subscription;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = diagnostics.Subscribe(this, name => name == EventName);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Value is IFeatureCollection features
            && features.Get<IBadRequestExceptionFeature>()?.Error is BadHttpRequestException error
            && features.Get<IHttpResponseFeature>() is { HasStarted: false } response
            && features.Get<IHttpResponseBodyFeature>() is { } body
            && features.Get<IConnectionTransportFeature>()?.Transport.Output is { } output)
        {
            _ = AnswerAsync(response, body, output, error);
        }
    }

    public void OnCompleted()
    {
    }

    public void OnError(Exception error)
    {
    }

    public void Dispose() => _subscription?.Dispose();

    private static async Task AnswerAsync(
        IHttpResponseFeature response, IHttpResponseBodyFeature body, PipeWriter output, BadHttpRequestException error)
    {
        ProblemResult problem = ProblemMapper.FromBadRequest(error.StatusCode, error.Message);
        byte[] json = problem.ToJson(ActivityTraceId.CreateRandom().ToHexString());
        response.StatusCode = problem.Kind.Status;
        response.Headers.ContentType = ProblemResult.ContentType;
        response.Headers.ContentLength = json.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.Connection = "close";

        // The body's writer takes bytes only while a handler runs. Once the head is out, the server adds nothing to it and closes.
        await body.StartAsync();
        await output.WriteAsync(json);
    }
}
