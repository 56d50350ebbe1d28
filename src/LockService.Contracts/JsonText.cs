using System.Text;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>A JSON value of any kind, null included, as its sender wrote it.</summary>
/// <param name="Utf8">The text; empty if there was none, which no JSON value is.</param>
[JsonConverter(typeof(JsonTextConverter))]
public readonly record struct JsonText(ReadOnlyMemory<byte> Utf8)
{
    /// <summary>Whether there was no value: the member was left out.</summary>
    [JsonIgnore]
    public bool IsMissing => Utf8.IsEmpty;

    /// <inheritdoc/>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.Span);
}
