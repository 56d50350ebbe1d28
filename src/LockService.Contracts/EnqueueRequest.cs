using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using LockService.Contracts.Json;

namespace LockService.Contracts;

/// <summary>One message (`body` and what goes with it), or up to 100 at once, all or nothing (`messages`).</summary>
public sealed record EnqueueRequest : ICheckedRequest
{
    /// <summary>The most messages of one request.</summary>
    public const int MaxMessages = 100;

    /// <summary>
    /// The most bytes of all bodies of one request, 900 KiB: they travel to ZooKeeper in one transaction, which may have 1 MiB.
    /// </summary>
    public const int MaxTotalBytes = 900 * 1024;

    /// <summary>Any JSON value, null included; at most 256 KiB. It comes out as it went in.</summary>
    public JsonText Body { get; set; }

    /// <summary>9 leaves first, 0 last.</summary>
    [Range(0, NewMessage.MaxPriority), DefaultValue(0L)]
    public long Priority { get; set; }

    /// <summary>How long the message is hidden from everybody first.</summary>
    [Range(0, NewMessage.MaxDelayMs), DefaultValue(0L)]
    public long DelayMs { get; set; }

    /// <summary>After what time the message is removed, unless it is on lease then; never if left out.</summary>
    [Range(1, NewMessage.MaxTtlMs)]
    [JsonConverter(typeof(PresentInt64Converter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? TtlMs { get; set; }

    /// <summary>
    /// A message with the key of an earlier one, within the queue's `deduplicationWindowMs`, is not put into the queue again; the answer has the
    /// earlier one's id.
    /// </summary>
    [MinLength(1), MaxLength(NewMessage.MaxKeyLength), DisallowNull]
    public string? DeduplicationKey { get; set; }

    /// <summary>Several messages instead of one, in the order in which they shall leave; at most 900 KiB together.</summary>
    [MinLength(1), MaxLength(MaxMessages), DisallowNull]
    public IReadOnlyList<NewMessage>? Messages { get; set; }

    /// <summary>The messages, one or several.</summary>
    [JsonIgnore]
    public IReadOnlyList<NewMessage> All => Messages ?? [Single];

    private NewMessage Single
    {
        get
        {
            var message = new NewMessage { Body = Body, Priority = Priority, DelayMs = DelayMs, TtlMs = TtlMs };
            return DeduplicationKey is { } key ? message with { DeduplicationKey = key } : message;
        }
    }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        if (Messages is null)
        {
            Single.Check(errors, "");
            return;
        }

        foreach (string member in Given())
        {
            errors.Add(member, "cannot be given together with messages; each of them has its own.");
        }

        if (Messages.Count is 0 or > MaxMessages)
        {
            errors.Add("messages", $"must have 1 to {MaxMessages} items.");
            return;
        }

        long total = 0;
        for (int i = 0; i < Messages.Count; i++)
        {
            NewMessage message = Messages[i] ?? new NewMessage();
            message.Check(errors, $"messages[{i}].");
            total += message.Body.Utf8.Length;
        }

        if (total > MaxTotalBytes)
        {
            errors.AddTooLarge("messages", $"must have at most {MaxTotalBytes} bytes of bodies together, but have {total}.");
        }
    }

    private IEnumerable<string> Given()
    {
        var nothing = new NewMessage();
        NewMessage single = Single;
        if (!single.Body.IsMissing)
        {
            yield return "body";
        }

        if (single with { Body = default } != nothing)
        {
            yield return single.Priority != 0 ? "priority" : single.DelayMs != 0 ? "delayMs" : single.TtlMs is not null ? "ttlMs" : "deduplicationKey";
        }
    }
}

/// <summary>One message of several.</summary>
public sealed record NewMessage
{
    /// <summary>The most bytes of one body, 256 KiB.</summary>
    public const int MaxBodyBytes = 256 * 1024;

    /// <summary>The highest priority.</summary>
    public const long MaxPriority = 9;

    /// <summary>The longest delay, 7 days.</summary>
    public const long MaxDelayMs = 7L * 24 * 3_600_000;

    /// <summary>The longest time to live, 14 days.</summary>
    public const long MaxTtlMs = 14L * 24 * 3_600_000;

    /// <summary>The most characters of a deduplication key.</summary>
    public const int MaxKeyLength = 128;

    /// <summary>Any JSON value, null included; at most 256 KiB. It comes out as it went in.</summary>
    [Required]
    public JsonText Body { get; set; }

    /// <inheritdoc cref="EnqueueRequest.Priority"/>
    [Range(0, MaxPriority), DefaultValue(0L)]
    public long Priority { get; set; }

    /// <inheritdoc cref="EnqueueRequest.DelayMs"/>
    [Range(0, MaxDelayMs), DefaultValue(0L)]
    public long DelayMs { get; set; }

    /// <inheritdoc cref="EnqueueRequest.TtlMs"/>
    [Range(1, MaxTtlMs)]
    [JsonConverter(typeof(PresentInt64Converter)), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? TtlMs { get; set; }

    /// <inheritdoc cref="EnqueueRequest.DeduplicationKey"/>
    [MinLength(1), MaxLength(MaxKeyLength), DisallowNull]
    public string? DeduplicationKey { get; set; }

    internal void Check(RequestErrors errors, string prefix)
    {
        if (Body.IsMissing)
        {
            errors.Add($"{prefix}body", "is required; it may be any JSON value, null included.");
        }
        else if (Body.Utf8.Length > MaxBodyBytes)
        {
            errors.AddTooLarge($"{prefix}body", $"must have at most {MaxBodyBytes} bytes, but has {Body.Utf8.Length}.");
        }

        errors.RequireRange($"{prefix}priority", Priority, 0, MaxPriority);
        errors.RequireRange($"{prefix}delayMs", DelayMs, 0, MaxDelayMs);
        errors.RequireRange($"{prefix}ttlMs", TtlMs ?? 1, 1, MaxTtlMs);
        if (DeduplicationKey is { } key)
        {
            errors.RequireText($"{prefix}deduplicationKey", key, MaxKeyLength);
        }
    }
}
