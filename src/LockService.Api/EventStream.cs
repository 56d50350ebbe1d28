using System.Buffers;
using System.Reflection;
using System.Text;
using System.Text.Json;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;

namespace LockService.Api;

/// <summary>
/// An answer of server-sent events that ends when the client hangs up, the instance shuts down, or nothing more can come. A comment every
/// 15 s keeps proxies from closing it, and notices clients that have gone.
/// </summary>
internal sealed class EventStream(LockEvents events) : IResult, IEndpointMetadataProvider
{
    internal const string ContentType = "text/event-stream";

    /// <summary>Where a client that comes again says which event it had last.</summary>
    internal const string LastEventIdHeader = "Last-Event-ID";

    private static readonly TimeSpan s_heartbeat = TimeSpan.FromSeconds(15);

    /// <summary>Between attempts to find out what was missed: a refusal may come at once, again and again.</summary>
    private static readonly TimeSpan s_retryPause = TimeSpan.FromSeconds(1);

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        using LockEvents open = events;
        HttpResponse response = httpContext.Response;
        httpContext.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        response.ContentType = ContentType;
        response.Headers["X-Accel-Buffering"] = "no";
        // Clients that lose the connection come again after a second.
        response.BodyWriter.Write("retry: 1000\n\n"u8);
        await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
        try
        {
            while (!events.IsOver)
            {
                IReadOnlyList<LockEvent> next = await ReadAsync(httpContext.RequestServices.GetRequiredService<TimeProvider>(), httpContext.RequestAborted);
                foreach (LockEvent one in next)
                {
                    Write(response.BodyWriter, one);
                }

                if (next.Count == 0)
                {
                    response.BodyWriter.Write(":\n\n"u8);
                }

                await response.BodyWriter.FlushAsync(httpContext.RequestAborted);
            }
        }
        catch (DrainingException)
        {
            // The client comes again, to another instance.
        }
    }

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        builder.Metadata.Add(new ProducesResponseTypeMetadata(StatusCodes.Status200OK, typeof(string), [ContentType]));

    /// <summary>While ZooKeeper is away there are no events, and what was missed is found out when it is back.</summary>
    private async Task<IReadOnlyList<LockEvent>> ReadAsync(TimeProvider clock, CancellationToken cancellation)
    {
        try
        {
            return await events.ReadAsync(s_heartbeat, cancellation);
        }
        catch (StoreUnavailableException)
        {
            await Task.Delay(s_retryPause, clock, cancellation);
            return [];
        }
    }

    private static void Write(IBufferWriter<byte> body, LockEvent next)
    {
        byte[] data = next.State is { } state
            ? JsonSerializer.SerializeToUtf8Bytes(state.ToReply(), ContractJson.Readable.LockReply)
            : JsonSerializer.SerializeToUtf8Bytes(next.ToReply(), ContractJson.Readable.LockEventReply);
        body.Write(Encoding.ASCII.GetBytes($"event: {NameOf(next.Type)}\nid: {next.Id}\ndata: "));
        body.Write(data);
        body.Write("\n\n"u8);
    }

    private static string NameOf(LockEventType type) => type switch
    {
        LockEventType.Resync => "resync",
        LockEventType.Queued => "queued",
        LockEventType.Acquired => "acquired",
        LockEventType.Renewed => "renewed",
        LockEventType.ExpiringSoon => "expiring-soon",
        LockEventType.Released => "released",
        LockEventType.Expired => "expired",
        LockEventType.Broken => "broken",
        _ => throw new InvalidOperationException($"Unknown event {type}."),
    };
}
