using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using LockService.Contracts;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace LockService.Api.OpenApi;

/// <summary>Says in the schemas what the code enforces and what the generator cannot see in attributes.</summary>
internal sealed class SchemaCompletion : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema { Properties: { } properties } complete)
        {
            return;
        }

        foreach (PropertyInfo member in context.Type.GetProperties())
        {
            if (properties.TryGetValue(JsonNamingPolicy.CamelCase.ConvertName(member.Name), out IOpenApiSchema? found) && found is OpenApiSchema property)
            {
                SetNullability(property, isNullable: member.GetCustomAttribute<JsonIgnoreAttribute>()?.Condition == JsonIgnoreCondition.Never);
            }
        }

        // Answers may get members in later versions, and readers must not refuse them; unknown members of requests are refused.
        complete.AdditionalPropertiesAllowed = !context.Type.IsAssignableTo(typeof(ICheckedRequest)) && context.Type != typeof(NewMessage) && context.Type != typeof(LockToAcquire);
        complete.OneOf = context.Type switch
        {
            var type when type == typeof(EnqueueRequest) => [Requiring("body"), Requiring("messages")],
            var type when type == typeof(VerifyRequest) => [Requiring("fencingToken"), Requiring("leaseId")],
            _ => complete.OneOf,
        };
    }

    /// <summary>A member is null only if it is always there; all others are left out instead, and null is refused for them.</summary>
    private static void SetNullability(OpenApiSchema property, bool isNullable)
    {
        if (property.Type is not { } type)
        {
            return;
        }

        property.Type = isNullable ? type | JsonSchemaType.Null : type & ~JsonSchemaType.Null;
        if (isNullable && property.Enum is { } values)
        {
            property.Enum = [.. values, JsonNullSentinel.JsonNull];
        }
    }

    private static OpenApiSchema Requiring(string member) => new() { Required = new HashSet<string> { member } };
}
