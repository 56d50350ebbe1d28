using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;

namespace LockService.Contracts;

/// <summary>One message (`body`), or up to 100 at once, all or nothing (`messages`).</summary>
public sealed record EnqueueRequest : ICheckedRequest
{
    /// <summary>The most messages of one request.</summary>
    public const int MaxMessages = 100;

    /// <summary>The most bytes of one body, 256 KiB.</summary>
    public const int MaxBodyBytes = 256 * 1024;

    /// <summary>
    /// The most bytes of all bodies of one request, 900 KiB: they travel to ZooKeeper in one transaction, which may have 1 MiB.
    /// </summary>
    public const int MaxTotalBytes = 900 * 1024;

    /// <summary>Any JSON value, null included; at most 256 KiB. It comes out as it went in.</summary>
    public JsonText Body { get; set; }

    /// <summary>Several messages instead of one, in the order in which they shall leave; at most 900 KiB together.</summary>
    [MinLength(1), MaxLength(MaxMessages), DisallowNull]
    public IReadOnlyList<NewMessage>? Messages { get; set; }

    /// <inheritdoc/>
    public void Check(RequestErrors errors)
    {
        if (Messages is null)
        {
            CheckBody(errors, "body", Body);
            return;
        }

        if (!Body.IsMissing)
        {
            errors.Add("body", "cannot be given together with messages.");
        }

        if (Messages.Count is 0 or > MaxMessages)
        {
            errors.Add("messages", $"must have 1 to {MaxMessages} items.");
            return;
        }

        long total = 0;
        for (int i = 0; i < Messages.Count; i++)
        {
            JsonText body = Messages[i]?.Body ?? default;
            CheckBody(errors, $"messages[{i}].body", body);
            total += body.Utf8.Length;
        }

        if (total > MaxTotalBytes)
        {
            errors.AddTooLarge("messages", $"must have at most {MaxTotalBytes} bytes of bodies together, but have {total}.");
        }
    }

    private static void CheckBody(RequestErrors errors, string member, JsonText body)
    {
        if (body.IsMissing)
        {
            errors.Add(member, "is required; it may be any JSON value, null included.");
        }
        else if (body.Utf8.Length > MaxBodyBytes)
        {
            errors.AddTooLarge(member, $"must have at most {MaxBodyBytes} bytes, but has {body.Utf8.Length}.");
        }
    }
}

/// <summary>One message of several.</summary>
public sealed record NewMessage
{
    /// <summary>Any JSON value, null included; at most 256 KiB. It comes out as it went in.</summary>
    [Required]
    public JsonText Body { get; set; }
}
