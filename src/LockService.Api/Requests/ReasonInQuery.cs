using System.Reflection;
using LockService.Api.Problems;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Primitives;

namespace LockService.Api.Requests;

/// <summary>Why something is done, for the log; null if the caller does not say.</summary>
internal readonly record struct ReasonInQuery(string? Reason) : IEndpointParameterMetadataProvider
{
    internal const string Parameter = "reason";

    public static ValueTask<ReasonInQuery> BindAsync(HttpContext context)
    {
        StringValues values = context.Request.Query[Parameter];
        if (values.Count == 0)
        {
            return default;
        }

        var errors = new RequestErrors();
        errors.RequireText(Parameter, values[0] ?? "", BreakOptions.MaxReasonLength);
        if (values.Count > 1)
        {
            errors.Add(Parameter, "is given more than once.");
        }

        return errors.None ? new(new ReasonInQuery(values[0])) : throw new ProblemException(new InvalidRequest(errors));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => builder.Metadata.Add(new QueryMetadata([Parameter]));
}
