using System.Net;
using System.Text.Json;

namespace LockService.Testing.Histories;

/// <summary>An answer of the service.</summary>
/// <param name="Status">The status code.</param>
/// <param name="Body">The body: undefined if there was none, a string with all of it if it is no JSON.</param>
public sealed record Reply(HttpStatusCode Status, JsonElement Body)
{
    /// <summary>Of a problem, its code; empty otherwise.</summary>
    public string Code =>
        Body.ValueKind == JsonValueKind.Object && Body.TryGetProperty("code", out JsonElement code) ? code.GetString() ?? "" : "";

    /// <summary>A number of the body.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public long Number(string member) => Body.GetProperty(member).GetInt64();

    /// <summary>A text of the body.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public string Text(string member) => Body.GetProperty(member).GetString()!;

    /// <inheritdoc/>
    public override string ToString() => $"{(int)Status} {Body}";

    internal static Reply Parse(HttpStatusCode status, byte[] body)
    {
        if (body.Length == 0)
        {
            return new Reply(status, default);
        }

        try
        {
            return new Reply(status, JsonSerializer.Deserialize<JsonElement>(body));
        }
        catch (JsonException)
        {
            return new Reply(status, JsonSerializer.SerializeToElement(System.Text.Encoding.UTF8.GetString(body)));
        }
    }
}
