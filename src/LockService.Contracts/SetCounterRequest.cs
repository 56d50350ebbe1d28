using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>What to set a counter to.</summary>
public sealed record SetCounterRequest : ICheckedRequest
{
    /// <summary>The new value.</summary>
    [Required]
    [JsonConverter(typeof(PresentInt64Converter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Value { get; set; }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        if (Value is null)
        {
            errors.Add("value", "is required.");
        }
    }
}
