using System.Globalization;
using System.Net;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>Calls the endpoints of several locks, and records what it asked and was told as if it had done so with each lock alone.</summary>
internal sealed class MultiLockClient(ServiceCaller caller, LockHistory history)
{
    private int _owners;

    /// <summary>Sends an acquisition.</summary>
    /// <param name="instance">Whom to ask.</param>
    /// <param name="locks">Names and modes.</param>
    /// <param name="ttl">The lease.</param>
    /// <param name="wait">How long the service is to wait.</param>
    /// <param name="insists">Whether it is sent under a key, and again through the other instances until it is settled.</param>
    /// <param name="giveUp">When to leave it open.</param>
    /// <returns>The lease; null if there is none.</returns>
    internal async Task<MultiLease?> AcquireAsync(
        int instance, IReadOnlyList<(string Name, bool Shared)> locks, TimeSpan ttl, TimeSpan wait, bool insists, CancellationToken giveUp)
    {
        const string path = "/v1/multilocks/acquire";
        string owner = $"multi-owner-{Interlocked.Increment(ref _owners)}";
        var asked = new LockOperation
        {
            Call = LockCall.Acquire,
            Lock = string.Join('+', locks.Select(one => one.Name)),
            Owner = owner,
            Instance = instance,
            Invoked = history.Now,
            Completed = default,
            Outcome = default,
            Ttl = ttl,
            Wait = wait,
        };
        var body = new
        {
            locks = locks.Select(one => new { name = one.Name, mode = one.Shared ? "shared" : "exclusive" }),
            owner,
            ttlMs = (long)ttl.TotalMilliseconds,
            waitMs = (long)wait.TotalMilliseconds,
        };
        Reply? reply = await caller.PostAsync(instance, path, body, insists ? owner : null, wait, hangUp: CancellationToken.None);
        while (insists && (reply is null || ServiceCaller.NeedsRepetition(reply)) && !giveUp.IsCancellationRequested)
        {
            await ServiceCaller.PauseAsync(10, 200);
            asked = asked with { Instance = asked.Instance + 1, Repeated = history.Now };
            reply = await caller.RepeatAsync(asked.Instance, path, body, owner, wait);
        }

        LockOperation told = Told(asked, reply);
        Dictionary<string, long> tokens = told.Outcome == CallOutcome.Done ? Tokens(reply!) : [];
        LockOperation[] each =
        [
            .. locks.Select(one => told with { Lock = one.Name, Shared = one.Shared, Owner = $"{owner}/{one.Name}", LeaseId = $"{told.LeaseId}/{one.Name}", Token = tokens.GetValueOrDefault(one.Name) }),
        ];
        Array.ForEach(each, history.Add);
        if (told.Outcome == CallOutcome.Done && !tokens.Keys.Order().SequenceEqual(locks.Select(one => one.Name).Order()))
        {
            caller.Report($"{told} was answered with the locks {string.Join(", ", tokens.Keys)}");
        }

        return told.Outcome == CallOutcome.Done ? new MultiLease(told.LeaseId, each) : null;
    }

    /// <summary>Renews what was granted.</summary>
    internal async Task RenewAsync(int instance, MultiLease lease)
    {
        LockOperation asked = Later(instance, LockCall.Renew, lease);
        Reply? reply = await caller.PostAsync(instance, "/v1/multilocks/renew", new { leaseId = lease.LeaseId });
        Record(Told(asked, reply), lease);
    }

    /// <summary>Releases what was granted; under a key until it is settled, if wanted.</summary>
    internal async Task ReleaseAsync(int instance, MultiLease lease, bool insists, CancellationToken giveUp)
    {
        const string path = "/v1/multilocks/release";
        LockOperation asked = Later(instance, LockCall.Release, lease);
        var body = new { leaseId = lease.LeaseId };
        string key = string.Create(CultureInfo.InvariantCulture, $"release-{lease.Grants[0].Owner}");
        Reply? reply = insists ? (await caller.SettleAsync(instance, path, body, key, giveUp)).Reply : await caller.PostAsync(instance, path, body, hangUp: CancellationToken.None);
        Record(Told(asked, reply), lease);
    }

    private static Dictionary<string, long> Tokens(Reply reply) => reply.Body.GetProperty("locks").EnumerateArray()
        .ToDictionary(one => one.GetProperty("name").GetString()!, one => one.GetProperty("fencingToken").GetInt64());

    private LockOperation Later(int instance, LockCall call, MultiLease lease) =>
        lease.Grants[0] with { Call = call, Instance = instance, Invoked = history.Now, Repeated = null, Waited = TimeSpan.Zero };

    private LockOperation Told(LockOperation asked, Reply? reply)
    {
        LockOperation told = asked with { Completed = history.Now, Status = (int)(reply?.Status ?? 0) };
        told = told with { Outcome = asked.Call == LockCall.Acquire ? caller.Judge(reply, told, 409, 410, 429) : caller.Judge(reply, told, 410) };
        return told.Outcome != CallOutcome.Done || reply!.Status != HttpStatusCode.OK
            ? told
            : told with
            {
                LeaseId = reply.Text("leaseId"),
                Token = reply.Number("fencingToken"),
                Ttl = TimeSpan.FromMilliseconds(reply.Number("ttlMs")),
                Waited = TimeSpan.FromMilliseconds(reply.Number("waitedMs")),
            };
    }

    private void Record(LockOperation told, MultiLease lease)
    {
        foreach (LockOperation grant in lease.Grants)
        {
            history.Add(told with { Lock = grant.Lock, Shared = grant.Shared, Owner = grant.Owner, LeaseId = grant.LeaseId, Token = grant.Token });
        }
    }
}

/// <summary>A lease on several locks.</summary>
/// <param name="LeaseId">The secret.</param>
/// <param name="Grants">What was recorded of each lock.</param>
internal sealed record MultiLease(string LeaseId, IReadOnlyList<LockOperation> Grants)
{
    /// <summary>Until when its holder counts on it.</summary>
    internal TimeSpan Deadline => Grants[0].Deadline;
}
