using System.Text.Json.Nodes;
using LockService.Api.Problems;
using LockService.Contracts;

namespace LockService.Api.OpenApi;

/// <summary>The document's examples, by operation. Every request among them is valid as it stands, so that "Execute" succeeds.</summary>
internal static class Examples
{
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    /// <summary>A lease that nobody has.</summary>
    internal const string Lease = "tNRVu0LiKB2FjTlGmqxuYA";
    private const string Message = "6d0e2c97b1f04a35-5-42";
    private const string Delivery = $"c45762d307ab6fa7b4794dcc50f1ab6c-{Message}";

    private const string LeaseReply =
        $$"""
        { "name": "report", "leaseId": "{{Lease}}", "fencingToken": 4294967338, "mode": "exclusive", "owner": "billing-7", "ttlMs": 30000,
          "waitedMs": 0, "acquiredAt": "2026-01-31T09:15:00.000Z", "expiresAt": "2026-01-31T09:15:30.000Z" }
        """;

    private const string Holder =
        """
        { "owner": "billing-7", "mode": "exclusive", "fencingToken": 4294967338, "acquiredAt": "2026-01-31T09:15:00.000Z",
          "remainingMs": 21500, "metadata": { "job": "42" } }
        """;

    private const string MultiLeaseReply =
        $$"""
        { "locks": [{ "name": "accounts:17", "mode": "exclusive", "fencingToken": 4294967338 },
                    { "name": "rates", "mode": "shared", "fencingToken": 4294967338 }],
          "leaseId": "{{Lease}}.accounts:17", "fencingToken": 4294967338, "owner": "billing-7", "ttlMs": 30000,
          "waitedMs": 0, "acquiredAt": "2026-01-31T09:15:00.000Z", "expiresAt": "2026-01-31T09:15:30.000Z" }
        """;

    private const string QueueReply =
        """
        { "name": "mails", "ready": 12, "delayed": 0, "leased": 3, "deadLettered": 1, "oldestAgeMs": 4200,
          "settings": { "maxLength": 100000, "maxDeliveries": 5, "deduplicationWindowMs": 300000 } }
        """;

    private const string CounterReply = """{ "name": "invoices", "value": 43, "version": 4294967402, "modifiedAt": "2026-01-31T09:15:00.000Z" }""";

    private static readonly Dictionary<string, string> s_requests = new()
    {
        ["acquireLock"] = """{ "ttlMs": 30000, "waitMs": 0, "mode": "exclusive", "owner": "billing-7", "metadata": { "job": "42" } }""",
        ["renewLock"] = $$"""{ "leaseId": "{{Lease}}", "ttlMs": 30000 }""",
        ["releaseLock"] = $$"""{ "leaseId": "{{Lease}}" }""",
        ["verifyLock"] = """{ "fencingToken": 4294967338 }""",
        ["acquireLocks"] =
            """
            { "locks": [{ "name": "rates", "mode": "shared" }, { "name": "accounts:17", "mode": "exclusive" }], "ttlMs": 30000, "waitMs": 0,
              "owner": "billing-7", "metadata": { "job": "42" } }
            """,
        ["renewLocks"] = $$"""{ "leaseId": "{{Lease}}.accounts:17", "ttlMs": 30000 }""",
        ["releaseLocks"] = $$"""{ "leaseId": "{{Lease}}.accounts:17" }""",
        ["setCounter"] = """{ "value": 42 }""",
        ["incrementCounter"] = """{ "by": 1, "min": 0, "max": 1000000, "initial": 0 }""",
        ["enqueueMessages"] = """{ "body": { "invoice": 1017 }, "priority": 5, "deduplicationKey": "invoice-1017" }""",
        ["dequeueMessages"] = """{ "max": 1, "waitMs": 0, "leaseMs": 30000 }""",
        ["ackMessages"] = $$"""{ "leaseIds": ["{{Delivery}}"] }""",
        ["nackMessages"] = $$"""{ "leaseIds": ["{{Delivery}}"], "delayMs": 5000 }""",
        ["setQueue"] = """{ "maxLength": 100000, "maxDeliveries": 5, "deduplicationWindowMs": 300000 }""",
        ["redriveMessages"] = """{ "max": 1000 }""",
        ["extendMessages"] = $$"""{ "leaseIds": ["{{Delivery}}"], "leaseMs": 60000 }""",
    };

    private static readonly Dictionary<string, string> s_replies = new()
    {
        ["acquireLock"] = LeaseReply,
        ["renewLock"] = LeaseReply,
        ["acquireLocks"] = MultiLeaseReply,
        ["renewLocks"] = MultiLeaseReply,
        ["getLock"] =
            $$"""
            { "name": "report", "held": true, "mode": "exclusive", "holders": [{{Holder}}],
              "waiters": [{ "position": 1, "owner": "billing-8", "mode": "exclusive", "waitingMs": 1200 }], "queueLength": 1 }
            """,
        ["listLocks"] =
            $$"""
            { "items": [{ "name": "report", "held": true, "mode": "exclusive", "holders": [{{Holder}}], "queueLength": 1 }], "next": "report" }
            """,
        ["verifyLock"] = """{ "valid": true }""",
        ["getLease"] =
            """
            { "kind": "lock", "names": ["report"], "owner": "billing-7", "mode": "exclusive", "fencingToken": 4294967338, "remainingMs": 21500,
              "ttlMs": 30000, "acquiredAt": "2026-01-31T09:15:00.000Z", "metadata": { "job": "42" } }
            """,
        ["incrementCounter"] = """{ "name": "invoices", "value": 43, "previous": 42 }""",
        ["getCounter"] = CounterReply,
        ["setCounter"] = CounterReply,
        ["listCounters"] = $$"""{ "items": [{{CounterReply}}], "next": "invoices" }""",
        ["enqueueMessages"] = $$"""{ "messageId": "{{Message}}" }""",
        ["dequeueMessages"] =
            $$"""
            { "messages": [{ "messageId": "{{Message}}", "leaseId": "{{Delivery}}", "body": { "invoice": 1017 }, "priority": 5, "deliveryCount": 1,
              "enqueuedAt": "2026-01-31T09:15:00.000Z", "leaseMs": 30000 }] }
            """,
        ["ackMessages"] = """{ "acked": 1, "lost": [] }""",
        ["nackMessages"] = """{ "nacked": 1, "lost": [] }""",
        ["getQueue"] = QueueReply,
        ["setQueue"] = QueueReply,
        ["listMessages"] =
            $$"""
            { "items": [{ "messageId": "{{Message}}", "state": "ready", "body": { "invoice": 1017 }, "priority": 5, "deliveryCount": 0,
              "enqueuedAt": "2026-01-31T09:15:00.000Z" }], "next": null }
            """,
        ["redriveMessages"] = """{ "redriven": 3 }""",
        ["extendMessages"] = """{ "extended": 1, "lost": [] }""",
        ["getStatus"] =
            """
            { "version": "0.1.0", "instanceId": "5f0c1a7e", "draining": false, "zooKeeper": { "state": "connected", "sessionId": "0x1000a2b3c4d0001",
              "sessionTimeoutMs": 10000, "server": "127.0.0.1:2181", "ensemble": ["127.0.0.1:2181"] } }
            """,
        ["getLive"] = """{ "status": "live" }""",
        ["getReady"] = """{ "status": "ready" }""",
        ["getHealth"] = """{ "status": "ready" }""",
    };

    private static readonly Dictionary<string, string> s_details = new()
    {
        [ErrorCodes.InvalidRequest] = "name must have 1 to 200 characters of A-Z a-z 0-9 . _ : @ ~ - and must not begin with a dot.",
        [ErrorCodes.NotFound] = "There is no counter 'invoices'; the first increment creates it.",
        [ErrorCodes.LockHeld] = "The lock 'report' is held by 'billing-7'.",
        [ErrorCodes.CounterOutOfRange] = "The counter 'invoices' is 1000000 and stays so: the result would be out of range.",
        [ErrorCodes.QueueFull] = "The queue 'mails' is full: it may have 100000 messages.",
        [ErrorCodes.WrongKind] = "The name holds something of another kind.",
        [ErrorCodes.IdempotencyInProgress] = "The first request with this key is still being served.",
        [ErrorCodes.IdempotencyMismatch] = "This key was used for another request. Take a new key for a new request.",
        [ErrorCodes.LeaseLost] = "This lease has ended, was released, or never was.",
        [ErrorCodes.PreconditionFailed] = "The counter 'invoices' is not as If-Match or If-None-Match asks; it stays as it is.",
        [ErrorCodes.TooLarge] = "The body has more than 1 MiB.",
        [ErrorCodes.UnsupportedMediaType] = "The body must be JSON in UTF-8 and say so: Content-Type: application/json.",
        [ErrorCodes.TooManyWaiters] = "This instance already serves 10000 waiters, which is its limit.",
        [ErrorCodes.InternalError] = "The service failed in a way that was not foreseen; its log has the details.",
        [ErrorCodes.StoreUnavailable] = "ZooKeeper could not be reached in time. Nothing was done.",
        [ErrorCodes.Draining] = "This instance is shutting down; nothing was done.",
        [ErrorCodes.OutcomeUnknown] = "ZooKeeper's answer was lost: what was asked may have happened or not.",
    };

    /// <summary>A name that fits the operation, for its path.</summary>
    internal static string NameOf(string operation) => operation switch
    {
        "listenToLock" => "report",
        _ when operation.EndsWith("Lock", StringComparison.Ordinal) => "report",
        _ when operation.EndsWith("Counter", StringComparison.Ordinal) => "invoices",
        _ => "mails",
    };

    /// <summary>A body that succeeds as it stands, or would with a lease of one's own.</summary>
    internal static JsonNode? RequestOf(string operation) => Parse(s_requests, operation);

    /// <summary>The answer of success.</summary>
    internal static JsonNode? ReplyOf(string operation) => Parse(s_replies, operation);

    /// <summary>The beginning of a stream of events.</summary>
    internal static string EventsOf(string operation) => operation == "listenToLock"
        ? "event: resync\nid: 5f0c1a7e90b2-17\ndata: {\"name\":\"report\",\"held\":false,\"mode\":null,\"holders\":[],\"waiters\":[],\"queueLength\":0}\n\n"
            + "event: acquired\nid: 5f0c1a7e90b2-18\ndata: {\"name\":\"report\",\"owner\":\"billing-7\",\"mode\":\"exclusive\",\"fencingToken\":4294967338,\"remainingMs\":30000}\n\n"
        : "event: expiring-soon\nid: 5f0c1a7e90b2-19\ndata: {\"name\":\"report\",\"owner\":\"billing-7\",\"mode\":\"exclusive\",\"fencingToken\":4294967338,\"remainingMs\":9900}\n\n";

    /// <summary>Whether the problem goes with Retry-After.</summary>
    internal static bool CanRetry(ProblemKind kind) => kind == ProblemKind.LockHeld || kind == ProblemKind.IdempotencyInProgress || kind.Status is 429 or 503;

    /// <summary>One occurrence of the problem.</summary>
    internal static JsonNode OfProblem(ProblemKind kind)
    {
        var result = new ProblemResult(kind, s_details[kind.Code]) { RetryAfter = CanRetry(kind) ? TimeSpan.FromSeconds(1) : null };
        JsonObject problem = JsonNode.Parse(result.ToJson(Trace))!.AsObject();
        switch (kind.Code)
        {
            case ErrorCodes.InvalidRequest:
                problem["errors"] = JsonNode.Parse("""{ "name": ["must have 1 to 200 characters of A-Z a-z 0-9 . _ : @ ~ - and must not begin with a dot."] }""");
                break;
            case ErrorCodes.LockHeld:
                problem["holders"] = new JsonArray(JsonNode.Parse(Holder));
                problem["queueLength"] = 0;
                break;
            case ErrorCodes.CounterOutOfRange:
                problem["value"] = 1_000_000;
                break;
        }

        return problem;
    }

    private static JsonNode? Parse(Dictionary<string, string> texts, string operation) =>
        texts.TryGetValue(operation, out string? text) ? JsonNode.Parse(text) : null;
}
