using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.Swagger;

namespace LockService.Api.OpenApi;

/// <summary>The contract as OpenAPI 3.1, generated from the routes when it is first asked for.</summary>
internal sealed class ContractDocument(ISwaggerProvider swagger)
{
    internal const string Name = "v1";

    private readonly Lazy<(string Yaml, string Json)> _texts = new(() =>
    {
        OpenApiDocument document = swagger.GetSwagger(Name);
        return (Write(document, text => new OpenApiYamlWriter(text)), Write(document, text => new OpenApiJsonWriter(text)));
    });

    internal string Yaml => _texts.Value.Yaml;

    internal string Json => _texts.Value.Json;

    private static string Write(OpenApiDocument document, Func<TextWriter, IOpenApiWriter> open)
    {
        using var text = new StringWriter { NewLine = "\n" };
        document.SerializeAsV31(open(text));
        string written = text.ToString().ReplaceLineEndings("\n");
        return written.EndsWith('\n') ? written : written + "\n";
    }
}
