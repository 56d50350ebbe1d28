using System.Globalization;
using System.Reflection;
using LockService.Api.Problems;
using LockService.Contracts;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace LockService.Api.Requests;

/// <summary>On what state of a resource a change of it is to depend, from If-Match and If-None-Match (RFC 9110, 13.1).</summary>
/// <param name="Exists">Whether it must exist; null if that does not matter.</param>
/// <param name="Versions">The versions of which it must have one; null if any will do.</param>
internal readonly record struct Preconditions(bool? Exists, IReadOnlyList<long>? Versions) : IEndpointParameterMetadataProvider
{
    internal const string IfMatch = "If-Match";
    internal const string IfNoneMatch = "If-None-Match";

    public static ValueTask<Preconditions> BindAsync(HttpContext context)
    {
        IHeaderDictionary headers = context.Request.Headers;
        StringValues match = headers.IfMatch;
        StringValues noneMatch = headers.IfNoneMatch;
        if (match.Count == 0 && noneMatch.Count == 0)
        {
            return default;
        }

        var errors = new RequestErrors();
        Preconditions found = (match.Count, noneMatch.Count) switch
        {
            (_, 0) => FromMatch(match, errors),
            (0, _) => FromNoneMatch(noneMatch, errors),
            _ => Contradictory(errors),
        };
        return errors.None ? new(found) : throw new ProblemException(new InvalidRequest(errors));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder)
    {
        builder.Metadata.Add(new PreconditionsMetadata());
        builder.Metadata.Add(new ProblemMetadata(ProblemKind.PreconditionFailed));
    }

    /// <summary>The strong entity tag of a version.</summary>
    internal static string TagOf(long version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");

    private static Preconditions FromMatch(StringValues header, RequestErrors errors)
    {
        if (!EntityTagHeaderValue.TryParseStrictList([.. header.OfType<string>()], out IList<EntityTagHeaderValue>? tags)
            || (tags.Count > 1 && tags.Contains(EntityTagHeaderValue.Any)))
        {
            errors.Add(IfMatch, "must be * or a list of entity tags, each in double quotes, as ETag gives them.");
            return default;
        }

        // A tag that this service never gives, a weak one above all, is as good as one of another version.
        return tags.Contains(EntityTagHeaderValue.Any) ? new(true, null) : new(true, [.. tags.Select(VersionOf).OfType<long>()]);
    }

    private static Preconditions FromNoneMatch(StringValues header, RequestErrors errors)
    {
        if (header.Count != 1 || header[0] != "*")
        {
            errors.Add(IfNoneMatch, "must be * here: there must be nothing yet.");
        }

        return new(false, null);
    }

    private static Preconditions Contradictory(RequestErrors errors)
    {
        errors.Add(IfNoneMatch, "must not be given together with If-Match, since both cannot hold.");
        return default;
    }

    private static long? VersionOf(EntityTagHeaderValue tag) =>
        !tag.IsWeak
        && long.TryParse(tag.Tag.AsSpan().Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out long version)
        && tag.Tag == TagOf(version)
            ? version
            : null;
}

/// <summary>Tells the document that an endpoint takes the headers.</summary>
internal sealed record PreconditionsMetadata;
