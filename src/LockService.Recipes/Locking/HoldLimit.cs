namespace LockService.Recipes.Locking;

/// <summary>
/// How long a lease may yet be made to last, if it may not be renewed for ever. Its age is measured without comparing clocks: every renewal
/// writes the age that its writer knows, and an instance counts on from the age that it first saw. One that sees the lease for the first
/// time may take it for younger than it is, by the time since the last renewal: less than that lease.
/// </summary>
/// <param name="services">The recipe's.</param>
/// <param name="path">The holder's node.</param>
/// <param name="record">Its data.</param>
/// <param name="version">The version of that data.</param>
internal sealed class HoldLimit(LockServices services, string path, ContenderRecord record, int version)
{
    /// <summary>A shorter lease would be over before its holder hears of it.</summary>
    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(100);

    /// <summary>Makes the lease last so long from now on, or as long as it may.</summary>
    /// <param name="wanted">How long.</param>
    /// <param name="ttlMs">What a renewal asks for if it names no time, from now on.</param>
    /// <param name="mayShorten">Whether the holder wants the lease to end earlier than he was told before, if this is shorter.</param>
    /// <returns>The record to write, and what its holder is told; null if nothing is left.</returns>
    internal (ContenderRecord Record, TimeSpan Told)? Prolong(TimeSpan wanted, long ttlMs, bool mayShorten)
    {
        bool limited = record.MaxHoldMs > 0;
        TimeSpan age = limited ? Longer(record.Age, services.Leases.Age(path) ?? TimeSpan.Zero) : TimeSpan.Zero;
        TimeSpan left = limited ? TimeSpan.FromMilliseconds(record.MaxHoldMs) - age : wanted;
        if (limited && left < s_least)
        {
            return null;
        }

        // Another instance may have taken the lease for younger, and promised more: that stays.
        TimeSpan told = wanted < left ? wanted : left;
        TimeSpan lease = mayShorten && told == wanted ? told : Longer(told, limited ? Promised() : record.Lease);
        return (record with { TtlMs = ttlMs, GraceMs = (long)Math.Ceiling(lease.TotalMilliseconds) - ttlMs, HeldMs = (long)Math.Ceiling(age.TotalMilliseconds) }, told);
    }

    /// <summary>What is left of the present lease, at most.</summary>
    private TimeSpan Promised() =>
        services.Leases.Known(path) is (var known, _) && known == version ? services.Leases.Remaining(path) ?? record.Lease : record.Lease;

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
