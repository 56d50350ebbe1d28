using System.Text.Json;
using System.Text.Json.Serialization;

namespace LockService.Contracts.Json;

/// <summary>An integer that may be left out, but not be null: null is refused like every other value of a wrong type.</summary>
internal sealed class PresentInt64Converter : JsonConverter<long?>
{
    public override bool HandleNull => true;

    public override long? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long value) ? value : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, long? value, JsonSerializerOptions options)
    {
        if (value is { } present)
        {
            writer.WriteNumberValue(present);
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}
