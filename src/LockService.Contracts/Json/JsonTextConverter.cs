using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace LockService.Contracts.Json;

/// <summary>Hands JSON through as it was written: numbers keep their digits, members their order, texts their escapes.</summary>
internal sealed class JsonTextConverter : JsonConverter<JsonText>
{
    public override bool HandleNull => true;

    public override JsonText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        // The element's own options apply within the text: duplicate members are refused there, too.
        var type = (JsonTypeInfo<JsonElement>)options.GetTypeInfo(typeof(JsonElement));
        return new JsonText(JsonMarshal.GetRawUtf8Value(JsonSerializer.Deserialize(ref reader, type)).ToArray());
    }

    public override void Write(Utf8JsonWriter writer, JsonText value, JsonSerializerOptions options)
    {
        if (value.IsMissing)
        {
            writer.WriteNullValue();
            return;
        }

        // What was read was validated then; a second time costs a pass over every body.
        writer.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
    }
}
