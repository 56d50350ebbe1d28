using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LockService.Api.Problems;
using LockService.Contracts;

namespace LockService.Api.Requests;

/// <summary>
/// Finds out everything that is wrong with a body that could not be read. It tries every member for itself, in an object with nothing
/// else, which applies exactly the rules of the real reading. Only refused requests come here, so it need not be fast.
/// </summary>
internal static class BodyDiagnosis
{
    private static readonly JsonDocumentOptions s_lenient = new() { MaxDepth = ContractJson.MaxDepth };

    /// <summary>Adds the errors of all members.</summary>
    /// <exception cref="ProblemException">It is not even a JSON object.</exception>
    internal static void Explain<T>(byte[] json, JsonTypeInfo<T> type, RequestErrors errors)
        where T : class, ICheckedRequest
    {
        using JsonDocument document = Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw Malformed($"The body must be a JSON object, but is {document.RootElement.ValueKind.ToString().ToLowerInvariant()}.");
        }

        try
        {
            ExplainMembers(document.RootElement, type, errors);
        }
        catch (InvalidOperationException)
        {
            throw Malformed("The body has a member whose name is not Unicode.");
        }
    }

    private static void ExplainMembers<T>(JsonElement body, JsonTypeInfo<T> type, RequestErrors errors)
        where T : class, ICheckedRequest
    {
        var sound = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonProperty member in body.EnumerateObject())
        {
            JsonPropertyInfo? known = type.Properties.FirstOrDefault(property => property.Name == member.Name);
            if (!seen.Add(member.Name))
            {
                errors.Add(member.Name, "is given more than once.");
            }
            else if (known is null)
            {
                errors.Add(member.Name, $"is not a known member; known are {string.Join(", ", type.Properties.Select(p => p.Name))}.");
            }
            else if (TryMember(member, known, type, errors))
            {
                sound.Add(member.Name, member.Value);
            }
        }

        CheckRest(sound, type, errors);
    }

    /// <summary>Checks the members that could be read; that others are missing is not their fault.</summary>
    private static void CheckRest<T>(Dictionary<string, JsonElement> sound, JsonTypeInfo<T> type, RequestErrors errors)
        where T : class, ICheckedRequest
    {
        var found = new RequestErrors();
        JsonSerializer.Deserialize(Write(sound), type)!.Check(found);
        foreach ((string member, IReadOnlyList<string> messages) in found.ByMember)
        {
            if (sound.ContainsKey(member.Split('.', '[')[0]))
            {
                errors.Add(member, messages[0]);
            }
        }
    }

    private static JsonDocument Parse(byte[] json)
    {
        try
        {
            return JsonDocument.Parse(json, s_lenient);
        }
        catch (JsonException e)
        {
            throw Malformed(FormattableString.Invariant(
                $"The body is not JSON, or nested deeper than {ContractJson.MaxDepth} levels: see line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}."));
        }
    }

    private static bool TryMember<T>(JsonProperty member, JsonPropertyInfo known, JsonTypeInfo<T> type, RequestErrors errors)
    {
        try
        {
            JsonSerializer.Deserialize(Write(new() { [member.Name] = member.Value }), type);
            return true;
        }
        catch (JsonException e)
        {
            string path = e.Path is ['$', '.', .. var rest] && rest.Length > 0 ? rest : member.Name;
            errors.Add(path, path == member.Name ? Expectation(known.PropertyType) : "is not allowed here, is given more than once, or has a wrong type.");
            return false;
        }
    }

    private static string Expectation(Type type) => type switch
    {
        _ when type == typeof(long) || type == typeof(long?) => "must be an integer of at most 64 bits, written without fraction and exponent.",
        _ when type == typeof(string) => "must be a string.",
        _ when type == typeof(LockMode) => "must be \"exclusive\" or \"shared\".",
        _ when type == typeof(JsonText) => "must not have an object with duplicate members in it.",
        _ when type == typeof(IReadOnlyDictionary<string, string>) => "must be an object whose members are all strings.",
        _ when type == typeof(IReadOnlyList<string>) => "must be an array of strings.",
        _ => "must be an array of objects.",
    };

    private static byte[] Write(Dictionary<string, JsonElement> members)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            foreach ((string name, JsonElement value) in members)
            {
                writer.WritePropertyName(name);
                writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true);
            }

            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static ProblemException Malformed(string detail) => new(new ProblemResult(ProblemKind.InvalidRequest, detail));
}
