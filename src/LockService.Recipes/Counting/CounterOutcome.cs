using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Recipes.Counting;

/// <summary>What is recorded of a change under a key.</summary>
/// <param name="Value">The value after it.</param>
/// <param name="Previous">The value before an increment.</param>
internal sealed record CounterOutcome(long Value, long? Previous)
{
    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, CounterOutcomeJson.Default.CounterOutcome);

    internal IncrementResult ToIncrement() => new(Value, Previous!.Value, InRange: true);

    internal static CounterOutcome Parse(ReadOnlyMemory<byte> json) =>
        JsonSerializer.Deserialize(json.Span, CounterOutcomeJson.Default.CounterOutcome)!;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CounterOutcome))]
internal sealed partial class CounterOutcomeJson : JsonSerializerContext;
