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
    /// <summary>What <see cref="PageQuery.AfterParameter"/> is where messages are listed.</summary>
    private const string AfterMessage = "after message";

    private static readonly Dictionary<string, Func<(string Description, OpenApiSchema Schema)>> s_query = new()
    {
        [PageQuery.PrefixParameter] = () => ("What names must begin with.", NewName()),
        [PageQuery.LimitParameter] = () => ("The most items of the answer.", NewLimit()),
        [PageQuery.AfterParameter] = () => ("The name after which to begin: `next` of the page before.", NewName()),
        [AfterMessage] = () => ("The message behind which to begin: `next` of the page before.", NewMessageId()),
        [MessageQuery.StateParameter] = () => ("In which state.", NewState()),
        [ReasonInQuery.Parameter] = () => ("Why, for the log.", NewReason()),
    };

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

    internal static void AddLastEventId(OpenApiOperation operation)
    {
        if (operation.OperationId == "listenToLock")
        {
            Add(operation, ParameterLocation.Header, EventStream.LastEventIdHeader, "The `id` of the last event of an earlier stream.", new() { Type = JsonSchemaType.String });
        }
    }

    internal static void AddQuery(OpenApiOperation operation, OperationFilterContext context)
    {
        foreach (QueryMetadata query in context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<QueryMetadata>())
        {
            foreach (string parameter in query.Names)
            {
                (string description, OpenApiSchema schema) = s_query[parameter == PageQuery.AfterParameter && query.Names.Contains(MessageQuery.StateParameter) ? AfterMessage : parameter]();
                Add(operation, ParameterLocation.Query, parameter, description, schema);
            }
        }
    }

    private static OpenApiSchema NewMessageId() => new() { Type = JsonSchemaType.String, Pattern = MessageQuery.Pattern };

    private static OpenApiSchema NewState() => new()
    {
        Type = JsonSchemaType.String,
        Enum = [.. MessageQuery.States.Select(state => (JsonNode)JsonValue.Create(state))],
        Default = JsonValue.Create(MessageQuery.States[0]),
    };

    private static OpenApiSchema NewName() => new() { Type = JsonSchemaType.String, MaxLength = ResourceName.MaxLength, Pattern = PageQuery.Pattern };

    private static OpenApiSchema NewReason() =>
        new() { Type = JsonSchemaType.String, MinLength = 1, MaxLength = BreakOptions.MaxReasonLength, Pattern = LeaseIds.Pattern };

    private static OpenApiSchema NewLimit() => new()
    {
        Type = JsonSchemaType.Integer,
        Format = "int32",
        Minimum = "1",
        Maximum = PageQuery.MaxLimit.ToString(CultureInfo.InvariantCulture),
        Default = JsonValue.Create(PageQuery.DefaultLimit),
    };

    private static bool Declares<T>(OperationFilterContext context) => context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<T>().Any();

    private static void Add(OpenApiOperation operation, ParameterLocation place, string name, string description, OpenApiSchema schema) =>
        operation.Parameters!.Add(new OpenApiParameter { Name = name, In = place, Description = description, Schema = schema });
}
