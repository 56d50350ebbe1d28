using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Contracts.Json;

/// <summary>
/// Writes a mode as the contract spells it and reads nothing else. The converter that comes with the framework would also read other
/// cases, numbers and lists of names, and callers would come to rely on that.
/// </summary>
internal sealed class LockModeConverter : JsonConverter<LockMode>
{
    public override LockMode Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            if (reader.ValueTextEquals("exclusive"u8))
            {
                return LockMode.Exclusive;
            }

            if (reader.ValueTextEquals("shared"u8))
            {
                return LockMode.Shared;
            }
        }

        throw new JsonException("must be \"exclusive\" or \"shared\".");
    }

    public override void Write(Utf8JsonWriter writer, LockMode value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value == LockMode.Shared ? "shared"u8 : "exclusive"u8);
}
