using System.Globalization;
using System.Reflection;
using LockService.Api.Problems;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Primitives;

namespace LockService.Api.Requests;

/// <summary>Which page of a list sorted by name is asked for.</summary>
/// <param name="Prefix">What names must begin with; empty for all.</param>
/// <param name="Limit">1 to 1000 items.</param>
/// <param name="After">The name after which the page begins; empty for the first page.</param>
internal readonly record struct PageQuery(string Prefix, int Limit, string After) : IEndpointParameterMetadataProvider
{
    internal const int DefaultLimit = 100;
    internal const int MaxLimit = 1000;

    /// <summary>The rule of <see cref="IsBeginning"/>, for the document.</summary>
    internal const string Pattern = "^([A-Za-z0-9_:@~-][A-Za-z0-9._:@~-]{0,199})?$";

    internal const string PrefixParameter = "prefix";
    internal const string LimitParameter = "limit";
    internal const string AfterParameter = "after";

    public static ValueTask<PageQuery> BindAsync(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        var errors = new RequestErrors();
        var page = new PageQuery(ReadName(query, PrefixParameter, errors), ReadLimit(query, errors), ReadName(query, AfterParameter, errors));
        return errors.None ? new(page) : throw new ProblemException(new InvalidRequest(errors));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new QueryMetadata([PrefixParameter, LimitParameter, AfterParameter]));

    private static string ReadName(IQueryCollection query, string parameter, RequestErrors errors)
    {
        string value = ReadOne(query, parameter, errors) ?? "";
        if (!IsBeginning(value))
        {
            errors.Add(parameter, $"must be a name or its beginning: at most {ResourceName.MaxLength} characters of A-Z a-z 0-9 . _ : @ ~ -, no dot first.");
        }

        return value;
    }

    internal static int ReadLimit(IQueryCollection query, RequestErrors errors)
    {
        if (ReadOne(query, LimitParameter, errors) is not { } text)
        {
            return DefaultLimit;
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) || limit is < 1 or > MaxLimit)
        {
            errors.Add(LimitParameter, $"must be an integer from 1 to {MaxLimit}.");
        }

        return limit;
    }

    internal static string? ReadOne(IQueryCollection query, string parameter, RequestErrors errors)
    {
        StringValues values = query[parameter];
        if (values.Count > 1)
        {
            errors.Add(parameter, "is given more than once.");
        }

        return values.Count == 0 ? null : values[0];
    }

    private static bool IsBeginning(string value) => value.Length == 0 || ResourceName.IsValid(value);
}

/// <summary>The query parameters that an endpoint takes; all others are refused.</summary>
internal sealed record QueryMetadata(IReadOnlyList<string> Names);
