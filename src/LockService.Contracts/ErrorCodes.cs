namespace LockService.Contracts;

/// <summary>The stable codes of problems: what a program should switch on. Their texts may change, the codes do not.</summary>
public static class ErrorCodes
{
    /// <summary>400. The request is malformed or out of range; nothing was done.</summary>
    public const string InvalidRequest = "invalid-request";

    /// <summary>404. There is no such route, counter, queue or other resource.</summary>
    public const string NotFound = "not-found";

    /// <summary>405. The route exists, but not with this method.</summary>
    public const string MethodNotAllowed = "method-not-allowed";

    /// <summary>409. The lock is not free, and the time to wait is zero or has run out.</summary>
    public const string LockHeld = "lock-held";

    /// <summary>409. The increment would leave the bounds it names, or 64 bits; the counter is unchanged.</summary>
    public const string CounterOutOfRange = "counter-out-of-range";

    /// <summary>409. The queue has as many messages as its settings allow; nothing was done.</summary>
    public const string QueueFull = "queue-full";

    /// <summary>409. Something of another kind is kept under this name.</summary>
    public const string WrongKind = "wrong-kind";

    /// <summary>409. The first request with this key is still being served; nothing was done for this one.</summary>
    public const string IdempotencyInProgress = "idempotency-in-progress";

    /// <summary>410. The lease has ended, was released, or never was.</summary>
    public const string LeaseLost = "lease-lost";

    /// <summary>412. The resource is not in the state that If-Match or If-None-Match asks for; nothing was done.</summary>
    public const string PreconditionFailed = "precondition-failed";

    /// <summary>413. The body, or a message in it, is larger than allowed.</summary>
    public const string TooLarge = "too-large";

    /// <summary>415. The body is not JSON by its Content-Type.</summary>
    public const string UnsupportedMediaType = "unsupported-media-type";

    /// <summary>422. The key was used for another request; nothing was done for this one.</summary>
    public const string IdempotencyMismatch = "idempotency-mismatch";

    /// <summary>429. This instance serves as many waiters as it may.</summary>
    public const string TooManyWaiters = "too-many-waiters";

    /// <summary>500. A defect of the service.</summary>
    public const string InternalError = "internal-error";

    /// <summary>503. ZooKeeper could not be asked in time; nothing was done.</summary>
    public const string StoreUnavailable = "store-unavailable";

    /// <summary>503. This instance is shutting down; nothing was done.</summary>
    public const string Draining = "draining";

    /// <summary>504. What was asked may have happened or not.</summary>
    public const string OutcomeUnknown = "outcome-unknown";
}
