using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Recipes.Queueing;

/// <summary>What is kept of a change of a queue under a key: the ids of messages, or the leases granted or found to be lost.</summary>
internal static class QueueOutcome
{
    internal static byte[] Of(IEnumerable<string> ids) =>
        JsonSerializer.SerializeToUtf8Bytes([.. ids], QueueOutcomeJson.Default.StringArray);

    internal static IReadOnlyList<string> Parse(ReadOnlyMemory<byte> outcome) =>
        JsonSerializer.Deserialize(outcome.Span, QueueOutcomeJson.Default.StringArray)!;
}

[JsonSerializable(typeof(string[]))]
internal sealed partial class QueueOutcomeJson : JsonSerializerContext;
