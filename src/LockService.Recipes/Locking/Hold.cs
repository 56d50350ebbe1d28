namespace LockService.Recipes.Locking;

/// <summary>A grant in the making, and then made: the holder's node with the lease that begins when it is created.</summary>
/// <param name="Name">The node; its number is known before it exists.</param>
/// <param name="Record">Its data.</param>
/// <param name="SentAt">Before the transaction that creates it was sent: no later than the beginning of the lease.</param>
internal sealed record Hold(ContenderName Name, ContenderRecord Record, long SentAt)
{
    internal static Hold New(LockServices services, AcquireOptions options, int sequence)
    {
        string prefix = ContenderName.NewPrefix(options.Mode, holder: true);
        var record = new ContenderRecord
        {
            Owner = options.Owner,
            TtlMs = (long)(options.MaxHold < options.Ttl ? options.MaxHold.Value : options.Ttl).TotalMilliseconds,
            MaxHoldMs = (long?)options.MaxHold?.TotalMilliseconds ?? 0,
            DelayMs = (long)options.LockDelay.TotalMilliseconds,
            Metadata = options.Metadata,
            Since = services.Clock.GetUtcNow(),
            Instance = services.InstanceId,
        };
        var name = new ContenderName(ContenderName.WithSequence(prefix, sequence), options.Mode, sequence, IsHolder: true);
        return new Hold(name, record, services.Clock.GetTimestamp());
    }

    internal TimeSpan Ttl => TimeSpan.FromMilliseconds(Record.TtlMs);

    /// <summary>The lease as its holder is told of it.</summary>
    /// <param name="lockName">The lock.</param>
    /// <param name="token">The transaction; 0 while nobody knows it.</param>
    /// <param name="arrived">When the caller's request came.</param>
    /// <param name="clock">The time.</param>
    internal LockGrant ToGrant(string lockName, long token, long arrived, TimeProvider clock) => new(
        lockName,
        LeaseId.Of(lockName, Name),
        token,
        Name.Mode,
        Record.Owner,
        Ttl,
        clock.GetElapsedTime(arrived, SentAt),
        Record.Since,
        clock.GetUtcNow() + Ttl - clock.GetElapsedTime(SentAt))
    {
        Members = Record.Members,
    };
}
