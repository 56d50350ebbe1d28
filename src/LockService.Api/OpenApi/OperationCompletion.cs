using System.Globalization;
using System.Text.Json.Nodes;
using LockService.Api.Problems;
using LockService.Api.Requests;
using LockService.Contracts;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LockService.Api.OpenApi;

/// <summary>Completes what is generated from a route: its path parameter, its problems, its examples, its headers.</summary>
internal sealed class OperationCompletion : IOperationFilter
{
    private const string Json = "application/json";

    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        operation.Responses ??= [];
        operation.Parameters = [];
        AddName(operation, context);
        ParameterCompletion.AddLeaseId(operation, context);
        ParameterCompletion.AddHeaders(operation, context);
        ParameterCompletion.AddQuery(operation, context);
        ParameterCompletion.AddLastEventId(operation);
        AddBody(operation, context);
        AddProblems(operation, context);
        AddExamples(operation);
        AddIdempotencyKey(operation, context);
        operation.Responses = Sorted(operation.Responses);
    }

    private static void AddName(OpenApiOperation operation, OperationFilterContext context)
    {
        if (!context.ApiDescription.RelativePath!.Contains($"{{{NameInPath.Parameter}}}", StringComparison.Ordinal))
        {
            return;
        }

        var schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = ResourceNames.MaxLength, Pattern = ResourceNames.Pattern };
        operation.Parameters!.Add(new OpenApiParameter
        {
            Name = NameInPath.Parameter,
            In = ParameterLocation.Path,
            Required = true,
            Description = "The name. Use `:` or `.` to build hierarchies.",
            Schema = schema,
            Example = JsonValue.Create(Examples.NameOf(operation.OperationId!)),
        });
    }

    private static void AddBody(OpenApiOperation operation, OperationFilterContext context)
    {
        if (context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<CommandMetadata>().LastOrDefault() is not { } command)
        {
            return;
        }

        var content = new OpenApiMediaType { Schema = context.SchemaGenerator.GenerateSchema(command.Body, context.SchemaRepository) };
        operation.RequestBody = new OpenApiRequestBody
        {
            Required = !command.IsOptional,
            Content = new Dictionary<string, OpenApiMediaType> { [Json] = content },
        };
    }

    private static void AddProblems(OpenApiOperation operation, OperationFilterContext context)
    {
        IEnumerable<ProblemKind> kinds = context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<ProblemMetadata>().Select(metadata => metadata.Kind);
        foreach (IGrouping<int, ProblemKind> status in kinds.Append(ProblemKind.InternalError).Distinct().OrderBy(kind => kind.Code, StringComparer.Ordinal).GroupBy(kind => kind.Status))
        {
            var content = new OpenApiMediaType
            {
                Schema = context.SchemaGenerator.GenerateSchema(typeof(Problem), context.SchemaRepository),
                Examples = status.ToDictionary(kind => kind.Code, kind => (IOpenApiExample)new OpenApiExample { Value = Examples.OfProblem(kind) }),
            };
            var response = new OpenApiResponse
            {
                Description = string.Join("; ", status.Select(kind => $"{kind.Code}: {kind.Title}")) + ".",
                Content = new Dictionary<string, OpenApiMediaType> { [ProblemResult.ContentType] = content },
            };
            if (status.Any(Examples.CanRetry))
            {
                response.Headers = new Dictionary<string, IOpenApiHeader> { ["Retry-After"] = Header("Seconds after which trying again may make sense.", JsonSchemaType.Integer) };
            }

            operation.Responses![status.Key.ToString(CultureInfo.InvariantCulture)] = response;
        }
    }

    private static void AddExamples(OpenApiOperation operation)
    {
        if (operation.RequestBody?.Content?.TryGetValue(Json, out OpenApiMediaType? request) == true)
        {
            request.Example = Examples.RequestOf(operation.OperationId!);
        }

        foreach (IOpenApiResponse response in operation.Responses!.Values)
        {
            if (response.Content?.TryGetValue(Json, out OpenApiMediaType? content) == true)
            {
                content.Example = Examples.ReplyOf(operation.OperationId!);
            }
            else if (response.Content?.TryGetValue(EventStream.ContentType, out OpenApiMediaType? events) == true)
            {
                events.Example = JsonValue.Create(Examples.EventsOf(operation.OperationId!));
            }
        }

        if (operation.OperationId is "getCounter" or "setCounter" && operation.Responses["200"] is OpenApiResponse counter)
        {
            counter.Headers = new Dictionary<string, IOpenApiHeader> { ["ETag"] = Header("The version, as a strong entity tag.", JsonSchemaType.String) };
        }
    }

    private static void AddIdempotencyKey(OpenApiOperation operation, OperationFilterContext context)
    {
        if (!context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<TakesIdempotencyKey>().Any())
        {
            return;
        }

        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = IdempotencyKey.Header,
            In = ParameterLocation.Header,
            Description = "A key of your own choice, new for every request. Repeated with the same key within 10 minutes, the request is not carried out again, but answered again.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = IdempotencyKey.MaxLength + 2, Pattern = "^[ -~]+$" },
        });
        foreach (OpenApiResponse response in operation.Responses!.Where(response => response.Key.StartsWith('2')).Select(response => response.Value).OfType<OpenApiResponse>())
        {
            response.Headers ??= new Dictionary<string, IOpenApiHeader>();
            response.Headers[IdempotencyKey.ReplayedHeader] = Header("Given, and `true`, if this is the answer to an earlier request with the same key.", JsonSchemaType.String);
        }
    }

    private static OpenApiResponses Sorted(OpenApiResponses responses)
    {
        var sorted = new OpenApiResponses();
        foreach ((string status, IOpenApiResponse response) in responses.OrderBy(response => response.Key, StringComparer.Ordinal))
        {
            sorted.Add(status, response);
        }

        return sorted;
    }

    private static OpenApiHeader Header(string description, JsonSchemaType type) =>
        new() { Description = description, Schema = new OpenApiSchema { Type = type } };
}
