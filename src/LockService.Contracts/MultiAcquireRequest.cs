using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;

namespace LockService.Contracts;

/// <summary>What an acquisition of several locks asks for: all of them or none.</summary>
public sealed record MultiAcquireRequest : ICheckedRequest
{
    /// <summary>The most locks of one lease: what names and metadata of so many can have at most fits into one transaction of ZooKeeper.</summary>
    public const int MaxLocks = 32;

    /// <summary>The locks, each once. Their order means nothing.</summary>
    [Required, MinLength(1), MaxLength(MaxLocks)]
    public IReadOnlyList<LockToAcquire> Locks { get; set; } = [];

    /// <summary>
    /// How long the lease lasts without a renewal. Count it from the moment this request is sent, plus `waitedMs` of the answer.
    /// </summary>
    [Range(LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs), DefaultValue(LeaseLimits.DefaultTtlMs)]
    public long TtlMs { get; set; } = LeaseLimits.DefaultTtlMs;

    /// <summary>
    /// How long to wait in the queues if not all locks are free; 0 to be refused at once. Advised: 50 s or less behind proxies.
    /// </summary>
    [Range(0, LeaseLimits.MaxWaitMs), DefaultValue(0)]
    public long WaitMs { get; set; }

    /// <summary>How long the locks stay closed if the lease ends otherwise than by its release: when it runs out or is broken.</summary>
    [Range(0, LeaseLimits.MaxLockDelayMs), DefaultValue(0)]
    public long LockDelayMs { get; set; }

    /// <summary>Who asks, for people to read; not an identity. The caller's address if left out.</summary>
    [StringLength(AcquireRequest.MaxOwnerLength, MinimumLength = 1), RegularExpression(LeaseIds.Pattern), DisallowNull]
    public string? Owner { get; set; }

    /// <summary>Texts that everybody may see who reads one of the locks; at most 4 KiB together, as JSON.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; set; } = s_none;

    private static readonly Dictionary<string, string> s_none = [];

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        CheckLocks(errors);
        errors.RequireRange("ttlMs", TtlMs, LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs);
        errors.RequireRange("waitMs", WaitMs, 0, LeaseLimits.MaxWaitMs);
        errors.RequireRange("lockDelayMs", LockDelayMs, 0, LeaseLimits.MaxLockDelayMs);
        if (Owner is not null)
        {
            errors.RequireText("owner", Owner, AcquireRequest.MaxOwnerLength);
        }

        errors.RequireMetadata("metadata", Metadata, AcquireRequest.MaxMetadataBytes);
    }

    private void CheckLocks(RequestErrors errors)
    {
        if (Locks.Count is 0 or > MaxLocks)
        {
            errors.Add("locks", $"must have 1 to {MaxLocks} items.");
            return;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < Locks.Count; i++)
        {
            if (Locks[i] is not { } one)
            {
                errors.Add($"locks[{i}]", "must be an object.");
            }
            else if (!ResourceNames.IsValid(one.Name))
            {
                errors.Add($"locks[{i}].name", ResourceNames.Rule);
            }
            else if (!seen.Add(one.Name))
            {
                errors.Add($"locks[{i}].name", $"is '{one.Name}' a second time: each lock can be named once.");
            }
        }
    }
}

/// <summary>One of several locks.</summary>
public sealed record LockToAcquire
{
    /// <summary>The lock.</summary>
    [Required, StringLength(ResourceNames.MaxLength, MinimumLength = 1), RegularExpression(ResourceNames.Pattern)]
    public string Name { get; set; } = "";

    /// <summary>One exclusive holder, or any number of shared ones.</summary>
    [DefaultValue("exclusive")]
    public LockMode Mode { get; set; }
}
