using System.Globalization;
using System.Net;

namespace LockService.Testing.Histories;

/// <summary>Calls the lock endpoints, and records what it asked and what it was told.</summary>
/// <param name="caller">The way to the instances.</param>
/// <param name="history">Where to record.</param>
/// <param name="name">Begins the names of the callers, which no other client of this history may have.</param>
public sealed class RecordingClient(ServiceCaller caller, LockHistory history, string name = "caller")
{
    private int _owners;

    /// <summary>Sends an acquisition.</summary>
    /// <param name="instance">Whom to ask.</param>
    /// <param name="wanted">Lock, mode, lease and wait.</param>
    /// <param name="patience">When to hang up; null to wait for the answer.</param>
    public async Task<LockOperation> AcquireAsync(int instance, LockOperation wanted, TimeSpan? patience)
    {
        wanted = Begin(instance, wanted);
        using var hangUp = new CancellationTokenSource();
        Task<Reply?> reply = caller.PostAsync(instance, Path(wanted), Body(wanted), key: null, wanted.Wait, hangUp.Token);
        TimeSpan? hungUp = await HangUpAsync(reply, patience, hangUp);
        Reply? answer = await reply;
        return Record(wanted with { HungUp = answer is null ? hungUp : null }, answer);
    }

    /// <summary>
    /// Sends an acquisition under a key, hangs up, and asks again through the other instances until there is an answer that settles it: one operation.
    /// </summary>
    /// <param name="instance">Whom to ask first.</param>
    /// <param name="wanted">Lock, mode, lease and wait.</param>
    /// <param name="patience">When to hang up.</param>
    /// <param name="giveUp">When to leave it open.</param>
    public async Task<LockOperation> AcquireInsistentlyAsync(int instance, LockOperation wanted, TimeSpan patience, CancellationToken giveUp)
    {
        wanted = Begin(instance, wanted);
        using var hangUp = new CancellationTokenSource();
        Task<Reply?> first = caller.PostAsync(instance, Path(wanted), Body(wanted), wanted.Owner, wanted.Wait, hangUp.Token);
        await HangUpAsync(first, patience, hangUp);
        Reply? reply = await first;
        while ((reply is null || ServiceCaller.NeedsRepetition(reply)) && !giveUp.IsCancellationRequested)
        {
            await ServiceCaller.PauseAsync(5, reply is null ? 50 : 10);
            wanted = wanted with { Instance = wanted.Instance + 1, Repeated = history.Now };
            reply = await caller.RepeatAsync(wanted.Instance, Path(wanted), Body(wanted), wanted.Owner, wanted.Wait);
        }

        return Record(wanted, reply);
    }

    /// <summary>Renews or releases what was granted.</summary>
    public async Task<LockOperation> CallAsync(int instance, LockCall call, LockOperation grant)
    {
        LockOperation wanted = Later(instance, call, grant);
        return Record(wanted, await caller.PostAsync(instance, Path(wanted), new { leaseId = grant.LeaseId }));
    }

    /// <summary>Releases what was granted, and asks again under the same key until it is settled.</summary>
    public async Task<LockOperation> ReleaseInsistentlyAsync(int instance, LockOperation grant, CancellationToken giveUp)
    {
        LockOperation wanted = Later(instance, LockCall.Release, grant);
        string key = string.Create(CultureInfo.InvariantCulture, $"release-{grant.Owner}");
        return Record(wanted, (await caller.SettleAsync(instance, Path(wanted), new { leaseId = grant.LeaseId }, key, giveUp)).Reply);
    }

    /// <summary>Looks who waits.</summary>
    public async Task LookAsync(int instance, string lockName)
    {
        TimeSpan invoked = history.Now;
        Reply? reply = await caller.GetAsync(instance, $"/v1/locks/{lockName}");
        if (caller.Judge(reply, $"A look at {lockName}") == CallOutcome.Done)
        {
            string[] waiters = [.. reply!.Body.GetProperty("waiters").EnumerateArray().Select(waiter => waiter.GetProperty("owner").GetString()!)];
            history.Add(new QueueSighting(lockName, invoked, history.Now, waiters));
        }
    }

    private static string Path(LockOperation wanted) =>
        $"/v1/locks/{wanted.Lock}/{wanted.Call switch { LockCall.Acquire => "acquire", LockCall.Renew => "renew", _ => "release" }}";

    private static object Body(LockOperation wanted) => new
    {
        mode = wanted.Shared ? "shared" : "exclusive",
        owner = wanted.Owner,
        ttlMs = (long)wanted.Ttl.TotalMilliseconds,
        waitMs = (long)wanted.Wait.TotalMilliseconds,
    };

    /// <returns>When the client hung up; null if the answer came before.</returns>
    private async Task<TimeSpan?> HangUpAsync(Task<Reply?> reply, TimeSpan? patience, CancellationTokenSource hangUp)
    {
        if (patience is { } limit && await Task.WhenAny(reply, Task.Delay(limit, TimeProvider.System)) != reply)
        {
            TimeSpan hungUp = history.Now;
            await hangUp.CancelAsync();
            return hungUp;
        }

        return null;
    }

    private LockOperation Begin(int instance, LockOperation wanted) =>
        wanted with { Owner = $"{name}-{Interlocked.Increment(ref _owners)}", Instance = instance, Invoked = history.Now };

    private LockOperation Later(int instance, LockCall call, LockOperation grant) =>
        grant with { Call = call, Instance = instance, Invoked = history.Now, Repeated = null, Waited = TimeSpan.Zero };

    private LockOperation Record(LockOperation wanted, Reply? reply)
    {
        LockOperation operation = wanted with { Completed = history.Now, Status = (int)(reply?.Status ?? 0) };
        operation = operation with { Outcome = Judge(operation, reply) };
        if (operation.Outcome == CallOutcome.Done && reply!.Status == HttpStatusCode.OK)
        {
            operation = operation with
            {
                LeaseId = reply.Text("leaseId"),
                Token = reply.Number("fencingToken"),
                Ttl = TimeSpan.FromMilliseconds(reply.Number("ttlMs")),
                Waited = TimeSpan.FromMilliseconds(reply.Number("waitedMs")),
            };
        }

        history.Add(operation);
        return operation;
    }

    private CallOutcome Judge(LockOperation operation, Reply? reply) => operation.Call == LockCall.Acquire
        ? caller.Judge(reply, operation, 409, 410, 429)
        : caller.Judge(reply, operation, 410);
}
