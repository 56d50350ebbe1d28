using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Recipes.Queueing;

/// <summary>The data of a queue's tail: the numbers of the next messages, and the settings. Every enqueue sets it on its version.</summary>
internal sealed record TailRecord
{
    /// <summary>For each priority the number of its next message.</summary>
    public IReadOnlyList<long> Next { get; init; } = new long[MessageName.Priorities];

    /// <summary>The queue's settings.</summary>
    public QueueSettings Settings { get; init; } = new();

    /// <summary>How many messages were ever enqueued.</summary>
    internal long Enqueued => Next.Sum();

    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, TailRecordJson.Default.TailRecord);

    /// <summary>Null if the data is not ours.</summary>
    internal static TailRecord? TryParse(ReadOnlyMemory<byte> data)
    {
        try
        {
            return Parse(data) is { Next.Count: MessageName.Priorities } tail ? tail : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal static TailRecord Parse(ReadOnlyMemory<byte> data) => JsonSerializer.Deserialize(data.Span, TailRecordJson.Default.TailRecord)!;
}

/// <summary>A queue's tail as it was read or written.</summary>
/// <param name="Tree">The queue's nodes.</param>
/// <param name="Version">The tail's version.</param>
/// <param name="Record">Its data.</param>
internal sealed record KnownTail(QueueTree Tree, int Version, TailRecord Record);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TailRecord))]
internal sealed partial class TailRecordJson : JsonSerializerContext;
