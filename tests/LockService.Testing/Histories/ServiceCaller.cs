using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace LockService.Testing.Histories;

/// <summary>
/// A client of several instances to whom everything may happen: broken connections, no answer in time. Where nobody listens it goes to the next instance. It remembers the answers that
/// no client should ever get.
/// </summary>
/// <param name="instances">A client of each instance.</param>
public sealed class ServiceCaller(IReadOnlyList<HttpClient> instances)
{
    /// <summary>How long a client waits for an answer beyond the time that it asked the service to wait.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan s_connectPause = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentQueue<string> _unexpected = new();
    private long _operations;

    /// <summary>How many instances there are.</summary>
    public int Count => instances.Count;

    /// <summary>Requests so far, a repetition under the same key not counted again.</summary>
    public long Operations => Interlocked.Read(ref _operations);

    /// <summary>Answers that are not in the contract, one sentence each.</summary>
    public IReadOnlyList<string> Unexpected => [.. _unexpected];

    /// <summary>Sends a command.</summary>
    /// <param name="instance">Which instance, by turns.</param>
    /// <param name="path">Where to.</param>
    /// <param name="body">Becomes JSON.</param>
    /// <param name="key">The idempotency key; null for none.</param>
    /// <param name="wait">How long the service is to wait before it answers.</param>
    /// <param name="hangUp">The client's own cancellation.</param>
    /// <returns>Null if there was no answer, for whatever reason.</returns>
    public Task<Reply?> PostAsync(int instance, string path, object body, string? key = null, TimeSpan wait = default, CancellationToken hangUp = default)
    {
        Interlocked.Increment(ref _operations);
        return SendAsync(instance, () => Command(path, body, key), wait, hangUp);
    }

    /// <summary>The same command under the same key once more, which does not count as another operation.</summary>
    /// <returns>Null if there was no answer.</returns>
    public Task<Reply?> RepeatAsync(int instance, string path, object body, string key, TimeSpan wait = default) =>
        SendAsync(instance, () => Command(path, body, key), wait, CancellationToken.None);

    /// <summary>Reads.</summary>
    /// <returns>Null if there was no answer.</returns>
    public Task<Reply?> GetAsync(int instance, string path) =>
        SendAsync(instance, () => new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative)), TimeSpan.Zero, CancellationToken.None);

    /// <summary>Sends a command under a key, and again through the other instances, until there is an answer that settles it.</summary>
    /// <param name="instance">Which instance, by turns.</param>
    /// <param name="path">Where to.</param>
    /// <param name="body">Becomes JSON.</param>
    /// <param name="key">The idempotency key.</param>
    /// <param name="giveUp">When to leave it open.</param>
    public async Task<SettledReply> SettleAsync(int instance, string path, object body, string key, CancellationToken giveUp)
    {
        Reply? reply = await PostAsync(instance, path, body, key, hangUp: CancellationToken.None);
        bool wasOpen = IsOpen(reply);
        while (reply is null || NeedsRepetition(reply))
        {
            if (giveUp.IsCancellationRequested)
            {
                // What was never open has not been done.
                return new SettledReply(wasOpen ? null : reply, wasOpen);
            }

            await PauseAsync(10, 200);
            reply = await RepeatAsync(++instance, path, body, key);
            wasOpen |= IsOpen(reply);
        }

        return new SettledReply(reply, wasOpen);
    }

    /// <summary>What an answer tells. One that is not in the contract is remembered, and leaves everything open.</summary>
    /// <param name="reply">The answer; null if there was none.</param>
    /// <param name="call">What was asked, for the sentence.</param>
    /// <param name="refusals">The statuses, beside 503, which say that it was not done.</param>
    public CallOutcome Judge(Reply? reply, object call, params ReadOnlySpan<int> refusals)
    {
        switch (reply?.Status)
        {
            case null or HttpStatusCode.GatewayTimeout:
                return CallOutcome.Unknown;
            case HttpStatusCode.NoContent:
            case HttpStatusCode.OK or HttpStatusCode.Created when reply.Body.ValueKind == JsonValueKind.Object:
                return CallOutcome.Done;
            // The request came too slowly to be read: only links that were held up do that.
            case HttpStatusCode.ServiceUnavailable or HttpStatusCode.RequestTimeout:
                return CallOutcome.Refused;
            case { } status when refusals.Contains((int)status):
                return CallOutcome.Refused;
            default:
                Report($"{call} was answered with {reply}");
                return CallOutcome.Unknown;
        }
    }

    /// <summary>Remembers something else that no client should see.</summary>
    public void Report(string sentence) => _unexpected.Enqueue(sentence);

    /// <summary>Whether a command under a key is to be sent again after this answer, since it was not done yet or nobody knows.</summary>
    public static bool NeedsRepetition(Reply reply) =>
        reply.Status is HttpStatusCode.GatewayTimeout or HttpStatusCode.ServiceUnavailable or HttpStatusCode.RequestTimeout
            || reply.Code == "idempotency-in-progress";

    /// <summary>Waits a little, not as long as others.</summary>
    /// <param name="leastMs">The shortest, in milliseconds.</param>
    /// <param name="mostMs">The longest, in milliseconds.</param>
    public static Task PauseAsync(int leastMs, int mostMs) =>
        Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(leastMs, mostMs)), TimeProvider.System);

    private static bool IsOpen(Reply? reply) => reply is null or { Status: HttpStatusCode.GatewayTimeout };

    private static HttpRequestMessage Command(string path, object body, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = JsonContent.Create(body) };
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        return request;
    }

    private async Task<Reply?> SendAsync(int instance, Func<HttpRequestMessage> create, TimeSpan wait, CancellationToken hangUp)
    {
        using var late = new CancellationTokenSource(wait + s_patience, TimeProvider.System);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(late.Token, hangUp);
        try
        {
            while (true)
            {
                try
                {
                    using HttpRequestMessage request = create();
                    using HttpResponseMessage response = await instances[instance++ % instances.Count].SendAsync(request, end.Token);
                    return Reply.Parse(response.StatusCode, await response.Content.ReadAsByteArrayAsync(end.Token));
                }
                catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConnectionError)
                {
                    // Nothing was sent, since nobody listens there: another instance may.
                    await Task.Delay(s_connectPause, TimeProvider.System, end.Token);
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or OperationCanceledException)
        {
            // To the client these are all the same: it does not know what became of its request. (A connection that is reset while it is made may come
            // out of HttpClient as the bare exception of its socket.)
            return null;
        }
    }
}

/// <summary>What came of a command that was repeated under its key.</summary>
/// <param name="Reply">The answer; null if it was left open.</param>
/// <param name="WasOpen">Whether an answer was missing, or said that the outcome is unknown.</param>
public sealed record SettledReply(Reply? Reply, bool WasOpen);
