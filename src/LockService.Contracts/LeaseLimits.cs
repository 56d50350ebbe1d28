namespace LockService.Contracts;

/// <summary>The ranges of the durations that several requests have.</summary>
public static class LeaseLimits
{
    /// <summary>The shortest lease. Below it a pause of the runtime or a retransmission would end leases of healthy holders.</summary>
    public const long MinTtlMs = 500;

    /// <summary>The longest lease, a day: a crashed holder blocks that long.</summary>
    public const long MaxTtlMs = 86_400_000;

    /// <summary>The lease if none is asked for.</summary>
    public const long DefaultTtlMs = 30_000;

    /// <summary>The longest wait, ten minutes: few proxies keep a request open longer.</summary>
    public const long MaxWaitMs = 600_000;

    /// <summary>The longest time that a lock stays closed after a lease, ten minutes: nobody can get it meanwhile, short of breaking it.</summary>
    public const long MaxLockDelayMs = 600_000;
}
