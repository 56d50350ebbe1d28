using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>The document says what the service does, and the committed one is the generated one.</summary>
[Collection(SharedService.Name)]
public sealed class ContractDocumentTests(ServiceFixture fixture)
{
    private static readonly string[] s_unlisted = ["/openapi.yaml", "/openapi.json", "/swagger/index.html"];

    [Fact]
    public async Task The_committed_document_is_the_generated_one()
    {
        string committed = Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "openapi.yaml");
        Answer generated = await fixture.Caller.GetAsync("/openapi.yaml");
        if (Environment.GetEnvironmentVariable("UPDATE_OPENAPI") == "1")
        {
            await File.WriteAllTextAsync(committed, generated.Body);
        }

        Assert.True(
            await File.ReadAllTextAsync(committed) == generated.Body,
            "openapi.yaml is stale: run this test with UPDATE_OPENAPI=1 in the environment and commit the file.");
    }

    [Fact]
    public async Task Every_route_answers_its_example_as_documented()
    {
        foreach ((string method, string path, JsonObject operation) in await OperationsAsync())
        {
            string? body = operation["requestBody"]?["content"]!["application/json"]!["example"]!.ToJsonString();

            Answer answer = await fixture.Caller.SendAsync(new HttpMethod(method), Instantiate(path, operation), body);

            Assert.True(
                operation["responses"]!.AsObject().ContainsKey($"{(int)answer.Status}") && (int)answer.Status < 500,
                $"{method} {path} answered {answer.Status}: {answer.Body}");
        }
    }

    [Fact]
    public async Task Everything_is_explained_and_has_examples()
    {
        foreach ((string method, string path, JsonObject operation) in await OperationsAsync())
        {
            string route = $"{method} {path}";
            Assert.True(operation["summary"] is not null && operation["description"] is not null && operation["operationId"] is not null, route);
            Assert.True(operation["requestBody"] is not { } body || body["content"]!["application/json"]!["example"] is not null, route);
            foreach ((string status, JsonNode? response) in operation["responses"]!.AsObject())
            {
                bool needsContent = status != "204";
                Assert.True(!needsContent || response!["content"]!.AsObject().All(content => content.Value!["example"] is not null || content.Value["examples"] is not null), $"{route} {status}");
            }
        }
    }

    [Fact]
    public async Task Numbers_in_the_document_are_integers_with_a_format()
    {
        JsonObject schemas = (await DocumentAsync())["components"]!["schemas"]!.AsObject();

        Assert.All(
            schemas.SelectMany(schema => schema.Value!["properties"]!.AsObject()).Where(property => property.Value!["type"]?.ToJsonString().Contains("integer", StringComparison.Ordinal) == true),
            property => Assert.NotNull(property.Value!["format"]));
    }

    [Fact]
    public async Task Bounds_in_the_document_are_the_ones_enforced()
    {
        JsonObject document = await DocumentAsync();
        int bounds = 0;
        foreach ((string method, string path, JsonObject operation) in await OperationsAsync())
        {
            if (operation["requestBody"]?["content"]!["application/json"]!["schema"]!["$ref"] is not { } reference)
            {
                continue;
            }

            JsonObject properties = document["components"]!["schemas"]![((string)reference!).Split('/')[^1]]!["properties"]!.AsObject();
            foreach ((string member, JsonNode? property) in properties)
            {
                foreach (long? outside in new[] { (long?)property!["minimum"] - 1, (long?)property["maximum"] + 1 })
                {
                    if (outside is not null)
                    {
                        bounds++;
                        Answer answer = await fixture.Caller.SendAsync(new HttpMethod(method), Instantiate(path, operation), $$"""{"leaseId":"x","{{member}}":{{outside}}}""");
                        Assert.Contains(member, answer.ExpectProblem(400, "invalid-request").Json["errors"]!.AsObject().Select(error => error.Key));
                    }
                }
            }
        }

        Assert.True(bounds >= 12, $"only {bounds} bounds found");
    }

    [Fact]
    public async Task Executing_the_acquire_example_gives_a_lock_for_which_the_token_rises()
    {
        (string _, string path, JsonObject operation) = (await OperationsAsync()).Single(operation => operation.Path == "/v1/locks/{name}/acquire");
        string name = Instantiate(path, operation).Replace("/report/", $"/{Guid.NewGuid():n}/", StringComparison.Ordinal);

        Answer answer = await fixture.Caller.PostAsync(name, operation["requestBody"]!["content"]!["application/json"]!["example"]!.ToJsonString());

        Assert.NotEmpty(answer.Expect(200).Text("leaseId"));
    }

    [Fact]
    public async Task The_page_and_the_documents_are_served_without_help_from_outside()
    {
        foreach (string path in s_unlisted)
        {
            (await fixture.Caller.GetAsync(path)).Expect(200);
        }

        Answer page = await fixture.Caller.GetAsync("/swagger/index.html");
        Assert.DoesNotContain("src=\"http", page.Body, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("href=\"http", page.Body, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("/openapi.json", (await fixture.Caller.GetAsync("/swagger/index.js")).Body, StringComparison.Ordinal);
        (await fixture.Caller.GetAsync("/swagger")).Expect(200);
    }

    [Fact]
    public async Task The_document_is_OpenAPI_3_1() =>
        Assert.StartsWith("3.1.", (string)(await DocumentAsync())["openapi"]!, StringComparison.Ordinal);

    private static string Instantiate(string path, JsonObject operation) =>
        (operation["parameters"] as JsonArray ?? []).Where(parameter => (string)parameter!["in"]! == "path").Aggregate(
            path, (filled, parameter) => filled.Replace($"{{{parameter!["name"]}}}", (string)parameter["example"]!, StringComparison.Ordinal));

    private async Task<IReadOnlyList<(string Method, string Path, JsonObject Operation)>> OperationsAsync()
    {
        JsonObject paths = (await DocumentAsync())["paths"]!.AsObject();
        return [.. paths.SelectMany(path => path.Value!.AsObject().Select(operation => (operation.Key.ToUpperInvariant(), path.Key, operation.Value!.AsObject())))];
    }

    private async Task<JsonObject> DocumentAsync() => (await fixture.Caller.GetAsync("/openapi.json")).Expect(200).Json;

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
