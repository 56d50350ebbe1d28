using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Recipes.Locking;

/// <summary>What is recorded of a grant or a renewal under a key; the rest is in the holder's node.</summary>
/// <param name="LeaseId">The lease.</param>
/// <param name="TtlMs">What its holder was told that it lasts, in milliseconds.</param>
/// <param name="WaitedMs">What he may add to that, in milliseconds, rounded down.</param>
internal sealed record LeaseOutcome(string LeaseId, long TtlMs, long WaitedMs)
{
    internal static byte[] Of(LockGrant grant) => JsonSerializer.SerializeToUtf8Bytes(
        new LeaseOutcome(grant.LeaseId, (long)grant.Ttl.TotalMilliseconds, (long)grant.Waited.TotalMilliseconds),
        LeaseOutcomeJson.Default.LeaseOutcome);

    internal static LeaseOutcome Parse(ReadOnlyMemory<byte> json) => JsonSerializer.Deserialize(json.Span, LeaseOutcomeJson.Default.LeaseOutcome)!;

    /// <summary>Hides the secret from logs.</summary>
    public override string ToString() => $"lease of {TtlMs} ms";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LeaseOutcome))]
internal sealed partial class LeaseOutcomeJson : JsonSerializerContext;
