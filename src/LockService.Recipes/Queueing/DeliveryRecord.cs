using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The data of a delivery's node: what became of a message since it was first leased or delayed. It stays until the message goes, so that its
/// versions go on and no stale condition ever matches.
/// </summary>
internal sealed record DeliveryRecord
{
    /// <summary>What the message is.</summary>
    public DeliveryState State { get; init; }

    /// <summary>The secret part of the lease id; empty if it is not leased.</summary>
    public string Secret { get; init; } = "";

    /// <summary>The lease or the delay in milliseconds.</summary>
    public long LeaseMs { get; init; }

    /// <summary>How often the message was delivered.</summary>
    public int DeliveryCount { get; init; }

    /// <summary>When the delay is over, in milliseconds of the <see cref="SharedClock"/>.</summary>
    public long DueAt { get; init; }

    /// <summary>The directory with a mark of the message; null while it is leased.</summary>
    internal Shelf? Mark => State switch
    {
        DeliveryState.Leased => null,
        DeliveryState.Returned => Shelf.Returned,
        DeliveryState.Delayed => Shelf.Delayed,
        _ => Shelf.Dead,
    };

    internal byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, DeliveryRecordJson.Default.DeliveryRecord);

    /// <summary>Null if the data is not ours.</summary>
    internal static DeliveryRecord? Parse(ReadOnlyMemory<byte> data)
    {
        try
        {
            return JsonSerializer.Deserialize(data.Span, DeliveryRecordJson.Default.DeliveryRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Hides the secret from logs.</summary>
    public override string ToString() => $"delivery {DeliveryCount}, {State}";
}

/// <summary>What a message is that was leased or delayed once.</summary>
internal enum DeliveryState
{
    /// <summary>On lease.</summary>
    Leased,

    /// <summary>Ready again, at its old place.</summary>
    Returned,

    /// <summary>Not ready before its delay is over.</summary>
    Delayed,

    /// <summary>A dead letter: it was delivered too often.</summary>
    Dead,
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, UseStringEnumConverter = true)]
[JsonSerializable(typeof(DeliveryRecord))]
internal sealed partial class DeliveryRecordJson : JsonSerializerContext;
