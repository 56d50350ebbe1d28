using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Calls the service with JSON as text, so that the tests read like a session with curl.</summary>
internal sealed class Caller(HttpClient http)
{
    internal Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    internal Task<Answer> PostAsync(string path, string? json = null, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, path, json, headers);

    internal async Task<Answer> SendAsync(HttpMethod method, string path, string? json, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, Literal(path));
        if (json is not null)
        {
            request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        }

        foreach ((string name, string value) in headers)
        {
            if (name == "Content-Type")
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        // A stream of events has no end to wait for.
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        bool isStream = response.Content.Headers.ContentType?.MediaType == "text/event-stream";
        return new Answer(
            response.StatusCode,
            isStream ? "" : await response.Content.ReadAsStringAsync(),
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>The path as written: the client resolves no dots and decodes no escapes.</summary>
    private Uri Literal(string path) =>
        new($"{http.BaseAddress!.GetLeftPart(UriPartial.Authority)}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
}

/// <summary>What the service answered.</summary>
internal sealed record Answer(HttpStatusCode Status, string Body, IReadOnlyDictionary<string, string> Headers)
{
    internal JsonObject Json => JsonNode.Parse(Body)!.AsObject();

    internal string Text(string member) => (string)Json[member]!;

    internal long Number(string member) => (long)Json[member]!;

    internal Answer Expect(int status)
    {
        Assert.True((int)Status == status, $"Expected {status}, but got {(int)Status}: {Body}");
        return this;
    }

    /// <summary>Asserts everything that is the same for every problem.</summary>
    internal Answer ExpectProblem(int status, string code)
    {
        Expect(status);
        Assert.Equal("application/problem+json", Headers["Content-Type"]);
        Assert.Equal(code, Text("code"));
        Assert.Equal($"urn:lockservice:problem:{code}", Text("type"));
        Assert.Equal(status, Number("status"));
        Assert.NotEmpty(Text("title"));
        Assert.EndsWith(".", Text("detail"), StringComparison.Ordinal);
        Assert.NotEmpty(Text("traceId"));
        Assert.Equal("no-store", Headers["Cache-Control"]);
        Assert.DoesNotContain("   at ", Body, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", Body, StringComparison.Ordinal);
        return this;
    }

    /// <summary>Asserts which members the problem complains of.</summary>
    internal void ExpectErrors(params string[] members) =>
        Assert.Equal(members.Order(StringComparer.Ordinal), Json["errors"]!.AsObject().Select(error => error.Key).Order(StringComparer.Ordinal));
}
