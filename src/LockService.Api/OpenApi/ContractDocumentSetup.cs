using System.Text.Json.Nodes;
using LockService.Contracts;
using Microsoft.OpenApi;

namespace LockService.Api.OpenApi;

/// <summary>Sets up the document's generator and the page that shows it.</summary>
internal static class ContractDocumentSetup
{
    private const string Description =
        """
        Coordination over HTTP: leased locks with fencing tokens, counters and queues, kept in Apache ZooKeeper.

        Durations are integers in milliseconds, times RFC 3339 in UTC. Unknown members of a body are refused. Every error is an RFC 9457
        problem with a stable `code`; one answered with 4xx or 503 did not happen, only 504 leaves it open. `X-Request-Id` is echoed and
        `traceparent` honoured.
        """;

    internal static void AddContractDocument(this WebApplicationBuilder builder)
    {
        builder.Services.AddEndpointsApiExplorer();
        builder.Services.AddSingleton<ContractDocument>();
        builder.Services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc(ContractDocument.Name, new OpenApiInfo { Title = "LockService", Version = "1.0", Description = Description });
            swagger.IncludeXmlComments(Path.Combine(AppContext.BaseDirectory, "LockService.Api.xml"));
            swagger.IncludeXmlComments(Path.Combine(AppContext.BaseDirectory, "LockService.Contracts.xml"));
            swagger.SupportNonNullableReferenceTypes();
            swagger.MapType<JsonText>(() => new OpenApiSchema());
            swagger.MapType<LockMode>(() => new OpenApiSchema { Type = JsonSchemaType.String, Enum = [JsonValue.Create("exclusive"), JsonValue.Create("shared")] });
            swagger.OperationFilter<OperationCompletion>();
            swagger.SchemaFilter<SchemaCompletion>();
        });
    }

    internal static void MapSwagger(this WebApplication app) => app.MapSwaggerUI("swagger", page =>
    {
        page.DocumentTitle = "LockService";
        page.SwaggerEndpoint("/openapi.json", "LockService");
        page.EnableValidator(null);
        page.DisplayRequestDuration();
    });
}
