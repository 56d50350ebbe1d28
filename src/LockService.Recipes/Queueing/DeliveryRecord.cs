using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Recipes.Queueing;

/// <summary>The data of a delivery's node: the lease a message is on, or that it is back.</summary>
internal sealed record DeliveryRecord
{
    /// <summary>The secret part of the lease id; empty once the message is back.</summary>
    public string Secret { get; init; } = "";

    /// <summary>The lease in milliseconds.</summary>
    public long LeaseMs { get; init; }

    /// <summary>How often the message was delivered.</summary>
    public int DeliveryCount { get; init; }

    /// <summary>Whether the message is back, and may be delivered again.</summary>
    public bool Available { get; init; }

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
    public override string ToString() => $"delivery {DeliveryCount}{(Available ? ", back" : "")}";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(DeliveryRecord))]
internal sealed partial class DeliveryRecordJson : JsonSerializerContext;
