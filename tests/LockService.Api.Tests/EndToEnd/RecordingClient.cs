using System.Net;
using LockService.Testing.Histories;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>Calls the lock endpoints, and records what it asked and what it was told.</summary>
internal sealed class RecordingClient(Cluster cluster, LockHistory history)
{
    private int _owners;

    /// <summary>Sends an acquisition.</summary>
    /// <param name="instance">Whom to ask.</param>
    /// <param name="wanted">Lock, mode, lease and wait.</param>
    /// <param name="patience">When to hang up; null to wait for the answer.</param>
    internal async Task<LockOperation> AcquireAsync(int instance, LockOperation wanted, TimeSpan? patience)
    {
        wanted = wanted with { Owner = $"caller-{Interlocked.Increment(ref _owners)}", Instance = instance, Invoked = history.Now };
        (Answer? answer, TimeSpan? hungUp) = await SendAsync(wanted, Body(wanted), patience, key: null);
        return Record(wanted with { HungUp = hungUp }, answer);
    }

    /// <summary>Sends an acquisition under a key, hangs up, and asks again through the other instances until there is an answer: one operation.</summary>
    internal async Task<LockOperation> AcquireInsistentlyAsync(int instance, LockOperation wanted, TimeSpan patience)
    {
        wanted = wanted with { Owner = $"caller-{Interlocked.Increment(ref _owners)}", Instance = instance, Invoked = history.Now };
        string key = wanted.Owner;
        (Answer? answer, _) = await SendAsync(wanted, Body(wanted), patience, key);
        while (answer is null || answer.Status is HttpStatusCode.GatewayTimeout || IsInProgress(answer))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            wanted = wanted with { Instance = wanted.Instance + 1, Repeated = history.Now };
            (answer, _) = await SendAsync(wanted, Body(wanted), patience: null, key);
        }

        return Record(wanted, answer);
    }

    /// <summary>Renews or releases what was granted.</summary>
    internal async Task<LockOperation> CallAsync(int instance, LockCall call, LockOperation grant)
    {
        LockOperation wanted = grant with { Call = call, Instance = instance, Invoked = history.Now, Repeated = null, Waited = TimeSpan.Zero };
        (Answer? answer, _) = await SendAsync(wanted, new { leaseId = grant.LeaseId }, patience: null, key: null);
        return Record(wanted, answer);
    }

    /// <summary>Looks who waits.</summary>
    internal async Task LookAsync(int instance, string name)
    {
        TimeSpan invoked = history.Now;
        Answer answer = await cluster[instance].GetAsync($"/v1/locks/{name}");
        if (answer.Status == HttpStatusCode.OK)
        {
            string[] waiters = [.. answer.Body.GetProperty("waiters").EnumerateArray().Select(waiter => waiter.GetProperty("owner").GetString()!)];
            history.Add(new QueueSighting(name, invoked, history.Now, waiters));
        }
    }

    private static object Body(LockOperation wanted) => new
    {
        mode = wanted.Shared ? "shared" : "exclusive",
        owner = wanted.Owner,
        ttlMs = (long)wanted.Ttl.TotalMilliseconds,
        waitMs = (long)wanted.Wait.TotalMilliseconds,
    };

    private static bool IsInProgress(Answer answer) => answer.Status == HttpStatusCode.Conflict && answer.Text("code") == "idempotency-in-progress";

    /// <returns>No answer if the client hung up, then with the time before it did, or the connection broke.</returns>
    private async Task<(Answer? Answer, TimeSpan? HungUp)> SendAsync(LockOperation wanted, object body, TimeSpan? patience, string? key)
    {
        using var hangUp = new CancellationTokenSource();
        string verb = wanted.Call switch { LockCall.Acquire => "acquire", LockCall.Renew => "renew", _ => "release" };
        Task<Answer> answer = cluster[wanted.Instance].PostAsync($"/v1/locks/{wanted.Lock}/{verb}", body, key, hangUp.Token);
        TimeSpan? hungUp = null;
        try
        {
            if (patience is { } limit && await Task.WhenAny(answer, Task.Delay(limit, TimeProvider.System)) != answer)
            {
                hungUp = history.Now;
                await hangUp.CancelAsync();
            }

            return (await answer, null);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return (null, hungUp);
        }
    }

    private LockOperation Record(LockOperation wanted, Answer? answer)
    {
        LockOperation operation = wanted with
        {
            Completed = history.Now,
            Status = (int)(answer?.Status ?? 0),
            Outcome = answer?.Status switch
            {
                HttpStatusCode.OK or HttpStatusCode.NoContent => CallOutcome.Done,
                HttpStatusCode.Conflict or HttpStatusCode.Gone or HttpStatusCode.ServiceUnavailable => CallOutcome.Refused,
                null or HttpStatusCode.GatewayTimeout => CallOutcome.Unknown,
                _ => throw new InvalidOperationException($"{answer} to {wanted}"),
            },
        };
        if (answer?.Status == HttpStatusCode.OK)
        {
            operation = operation with
            {
                LeaseId = answer.Text("leaseId"),
                Token = answer.Number("fencingToken"),
                Ttl = TimeSpan.FromMilliseconds(answer.Number("ttlMs")),
                Waited = TimeSpan.FromMilliseconds(answer.Number("waitedMs")),
            };
        }

        history.Add(operation);
        return operation;
    }
}
