using System.Text.Json;

namespace LockService.Contracts;

/// <summary>
/// Collects everything that is wrong with one request, so that its sender learns it all at once. Members are named as in the JSON; the
/// first error of a member counts, since those after it mostly follow from it.
/// </summary>
public sealed class RequestErrors
{
    private SortedDictionary<string, IReadOnlyList<string>>? _errors;
    private bool _tooLarge;

    /// <summary>Whether nothing is wrong.</summary>
    public bool None => _errors is null;

    /// <summary>Whether the one thing wrong with the request is a size, for which HTTP has a status of its own.</summary>
    public bool OnlyTooLarge => _tooLarge && _errors?.Count == 1;

    /// <summary>The messages by member.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> ByMember =>
        _errors ?? (IReadOnlyDictionary<string, IReadOnlyList<string>>)new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>Notes what is wrong with a member; the message continues a sentence that begins with its name.</summary>
    public void Add(string member, string message)
    {
        _errors ??= new(StringComparer.Ordinal);
        _errors.TryAdd(member, [message]);
    }

    /// <summary>Notes that a member is larger than allowed.</summary>
    public void AddTooLarge(string member, string message)
    {
        _tooLarge = true;
        Add(member, message);
    }

    /// <summary>Requires an integer within bounds.</summary>
    public void RequireRange(string member, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            Add(member, FormattableString.Invariant($"must be an integer from {min} to {max}, but is {value}."));
        }
    }

    /// <summary>Requires a lease id: 1 to <see cref="LeaseIds.MaxLength"/> characters, none of them a control character.</summary>
    public void RequireLeaseId(string member, string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            Add(member, "is required.");
        }
        else if (value.Length > LeaseIds.MaxLength || ContainsControl(value))
        {
            Add(member, $"must have at most {LeaseIds.MaxLength} characters, none of them a control character.");
        }
    }

    /// <summary>Requires a text for people: 1 to so many characters, none of them a control character.</summary>
    public void RequireText(string member, string value, int maxLength)
    {
        if (value.Length is 0 || value.Length > maxLength || ContainsControl(value))
        {
            Add(member, $"must have 1 to {maxLength} characters, none of them a control character.");
        }
    }

    /// <summary>Requires texts under names: so many bytes together at most, as JSON.</summary>
    public void RequireMetadata(string member, IReadOnlyDictionary<string, string> metadata, int maxBytes)
    {
        if (metadata.Count == 0)
        {
            return;
        }

        foreach ((string key, string value) in metadata)
        {
            if (value is null)
            {
                Add($"{member}.{key}", "must be a string.");
            }
        }

        if (JsonSerializer.SerializeToUtf8Bytes(metadata, ContractJson.Default.IReadOnlyDictionaryStringString).Length > maxBytes)
        {
            Add(member, $"must have at most {maxBytes} bytes as JSON in UTF-8.");
        }
    }

    private static bool ContainsControl(string value)
    {
        foreach (char c in value)
        {
            if (char.IsControl(c))
            {
                return true;
            }
        }

        return false;
    }
}
