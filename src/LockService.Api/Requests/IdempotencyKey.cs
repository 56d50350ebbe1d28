using System.Security.Cryptography;
using System.Text;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.Extensions.Primitives;

namespace LockService.Api.Requests;

/// <summary>
/// The <c>Idempotency-Key</c> of a request. A key that is quoted is the same as one that is not: the draft of the header wants quotes,
/// most clients leave them out.
/// </summary>
internal static class IdempotencyKey
{
    internal const string Header = "Idempotency-Key";
    internal const string ReplayedHeader = "Idempotency-Replayed";
    internal const int MaxLength = 128;

    private const string Rule = "must be given once and have 1 to 128 printable ASCII characters; quotes around it do not count, but come in pairs.";

    /// <summary>Notes what is wrong with the key: with its form, or with giving one at all to an endpoint that would ignore it.</summary>
    internal static void Check(HttpContext context, ref RequestErrors? errors)
    {
        if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
            || !context.Request.Headers.TryGetValue(Header, out StringValues values))
        {
            return;
        }

        if (Parse(values) is null)
        {
            (errors ??= new()).Add(Header, Rule);
        }
        else if (context.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<TakesIdempotencyKey>() is null)
        {
            (errors ??= new()).Add(Header, "is not taken here: a repeated request would be carried out again.");
        }
    }

    /// <summary>The request under its key, which <see cref="Check"/> has found in order; null if it has none.</summary>
    /// <param name="context">The request.</param>
    /// <param name="body">A digest of the body so far, to which the query and the conditions are added.</param>
    internal static KeyedRequest? Read(HttpContext context, IncrementalHash body)
    {
        HttpRequest request = context.Request;
        if (Parse(request.Headers[Header]) is not { } key)
        {
            return null;
        }

        string besides = $"\0{request.QueryString.Value}\0{request.Headers.IfMatch}\0{request.Headers.IfNoneMatch}";
        body.AppendData(Encoding.UTF8.GetBytes(besides));
        // The route as it was written, whatever way the caller wrote it; the name is unescaped. No caller has a name yet.
        string route = ((RouteEndpoint)context.GetEndpoint()!).RoutePattern.RawText!;
        string scope = $"\0{request.Method}\0{route}\0{request.RouteValues[NameInPath.Parameter]}";
        var keyed = new KeyedRequest(scope, key, body.GetHashAndReset());
        context.Response.OnStarting(
            static state =>
            {
                (HttpResponse response, KeyedRequest request) = ((HttpResponse, KeyedRequest))state;
                if (request.Replayed)
                {
                    response.Headers[ReplayedHeader] = "true";
                }

                return Task.CompletedTask;
            },
            (context.Response, keyed));
        return keyed;
    }

    /// <summary>Null if it is not a key.</summary>
    internal static string? Parse(StringValues values)
    {
        if (values.Count != 1 || values[0] is not { Length: > 0 } text || text.AsSpan().IndexOfAnyExceptInRange(' ', '~') >= 0)
        {
            return null;
        }

        string? key = text[0] == '"' ? Unquote(text) : text;
        return key is { Length: > 0 and <= MaxLength } ? key : null;
    }

    /// <summary>A string as RFC 8941 writes it: quotes and backslashes in it are escaped, and nothing follows it.</summary>
    private static string? Unquote(string text)
    {
        var key = new StringBuilder(text.Length);
        for (int i = 1; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '"':
                    return i == text.Length - 1 ? key.ToString() : null;
                case '\\' when i + 1 < text.Length && text[i + 1] is '"' or '\\':
                    key.Append(text[++i]);
                    break;
                case '\\':
                    return null;
                case var c:
                    key.Append(c);
                    break;
            }
        }

        return null;
    }
}

/// <summary>The key of a request that has no body.</summary>
/// <param name="Request">Null if it has no key.</param>
internal readonly record struct KeyInHeader(KeyedRequest? Request)
{
    public static ValueTask<KeyInHeader> BindAsync(HttpContext context)
    {
        if (!context.Request.Headers.ContainsKey(IdempotencyKey.Header))
        {
            return default;
        }

        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        return new(new KeyInHeader(IdempotencyKey.Read(context, digest)));
    }
}

/// <summary>Says of an endpoint that it hands the key on, so that what it does under one is done once.</summary>
internal sealed record TakesIdempotencyKey;
