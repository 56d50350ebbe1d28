using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>What an acquisition asks for. Every member may be left out.</summary>
public sealed record AcquireRequest : ICheckedRequest
{
    /// <summary>The most bytes that the metadata may have as JSON in UTF-8.</summary>
    public const int MaxMetadataBytes = 4096;

    /// <summary>The most characters that an owner may have.</summary>
    public const int MaxOwnerLength = 200;

    /// <summary>
    /// How long the lease lasts without a renewal. Count it from the moment this request is sent, plus `waitedMs` of the answer.
    /// </summary>
    [Range(LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs), DefaultValue(LeaseLimits.DefaultTtlMs)]
    public long TtlMs { get; set; } = LeaseLimits.DefaultTtlMs;

    /// <summary>
    /// How long the lease can be renewed to last, from its grant on: renewals give less and less, and are then refused as `lease-lost`. A longer
    /// `ttlMs` is shortened to it. For ever if left out.
    /// </summary>
    [Range(LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs)]
    [JsonConverter(typeof(PresentInt64Converter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? MaxHoldMs { get; set; }

    /// <summary>
    /// A lease of your own on this very lock: you get it back, renewed for `ttlMs` but never to less than it has, with the same token. The lock
    /// is not taken twice, and one release ends it. `mode` must be the lease's; the other members do not count then.
    /// </summary>
    [StringLength(LeaseIds.MaxLength, MinimumLength = 1), RegularExpression(LeaseIds.Pattern), DisallowNull]
    public string? LeaseId { get; set; }

    /// <summary>How long to wait in the queue if the lock is not free; 0 to be refused at once. Advised: 50 s or less behind proxies.</summary>
    [Range(0, LeaseLimits.MaxWaitMs), DefaultValue(0)]
    public long WaitMs { get; set; }

    /// <summary>
    /// How long the lock stays closed if the lease ends otherwise than by its release: when it runs out or is broken. What its holder has sent to
    /// resources that know nothing of fencing tokens has arrived by then.
    /// </summary>
    [Range(0, LeaseLimits.MaxLockDelayMs), DefaultValue(0)]
    public long LockDelayMs { get; set; }

    /// <summary>One exclusive holder, or any number of shared ones.</summary>
    [DefaultValue("exclusive")]
    public LockMode Mode { get; set; }

    /// <summary>Who asks, for people to read; not an identity. The caller's address if left out.</summary>
    [StringLength(MaxOwnerLength, MinimumLength = 1), RegularExpression(LeaseIds.Pattern), DisallowNull]
    public string? Owner { get; set; }

    /// <summary>Texts that everybody may see who reads the lock; at most 4 KiB together, as JSON.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; set; } = s_none;

    private static readonly Dictionary<string, string> s_none = [];

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        errors.RequireRange("ttlMs", TtlMs, LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs);
        errors.RequireRange("waitMs", WaitMs, 0, LeaseLimits.MaxWaitMs);
        errors.RequireRange("maxHoldMs", MaxHoldMs ?? LeaseLimits.MaxTtlMs, LeaseLimits.MinTtlMs, LeaseLimits.MaxTtlMs);
        errors.RequireRange("lockDelayMs", LockDelayMs, 0, LeaseLimits.MaxLockDelayMs);
        if (Owner is not null)
        {
            errors.RequireText("owner", Owner, MaxOwnerLength);
        }

        if (LeaseId is not null)
        {
            errors.RequireLeaseId("leaseId", LeaseId);
        }

        errors.RequireMetadata("metadata", Metadata, MaxMetadataBytes);
    }
}
