using System.Globalization;
using System.Text.Json.Nodes;
using LockService.Api.Requests;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LockService.Api.OpenApi;

/// <summary>The parameters of an operation outside its path, as the types that read them declare them.</summary>
internal static class ParameterCompletion
{
    internal static void AddLeaseId(OpenApiOperation operation, OperationFilterContext context)
    {
        if (!context.ApiDescription.RelativePath!.Contains($"{{{LeaseIdInPath.Parameter}}}", StringComparison.Ordinal))
        {
            return;
        }

        var schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = LeaseIds.MaxLength, Pattern = LeaseIds.Pattern };
        Add(operation, ParameterLocation.Path, LeaseIdInPath.Parameter, "The secret from the answer to acquire.", schema);
        var parameter = (OpenApiParameter)operation.Parameters![^1];
        (parameter.Required, parameter.Example) = (true, JsonValue.Create(Examples.Lease));
    }

    internal static void AddHeaders(OpenApiOperation operation, OperationFilterContext context)
    {
        if (!Declares<PreconditionsMetadata>(context))
        {
            return;
        }

        Add(operation, ParameterLocation.Header, Preconditions.IfMatch, "`*`, or entity tags of which the present one must be one.", new() { Type = JsonSchemaType.String });
        Add(operation, ParameterLocation.Header, Preconditions.IfNoneMatch, "`*`: there must be nothing yet.", new() { Type = JsonSchemaType.String, Enum = [JsonValue.Create("*")] });
    }

    internal static void AddQuery(OpenApiOperation operation, OperationFilterContext context)
    {
        if (!Declares<QueryMetadata>(context))
        {
            return;
        }

        var name = new OpenApiSchema { Type = JsonSchemaType.String, MaxLength = ResourceName.MaxLength, Pattern = PageQuery.Pattern };
        var limit = new OpenApiSchema
        {
            Type = JsonSchemaType.Integer,
            Format = "int32",
            Minimum = "1",
            Maximum = PageQuery.MaxLimit.ToString(CultureInfo.InvariantCulture),
            Default = JsonValue.Create(PageQuery.DefaultLimit),
        };
        Add(operation, ParameterLocation.Query, "prefix", "What names must begin with.", name);
        Add(operation, ParameterLocation.Query, "limit", "The most items of the answer.", limit);
        Add(operation, ParameterLocation.Query, "after", "The name after which to begin: `next` of the page before.", name);
    }

    private static bool Declares<T>(OperationFilterContext context) => context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<T>().Any();

    private static void Add(OpenApiOperation operation, ParameterLocation place, string name, string description, OpenApiSchema schema) =>
        operation.Parameters!.Add(new OpenApiParameter { Name = name, In = place, Description = description, Schema = schema });
}
