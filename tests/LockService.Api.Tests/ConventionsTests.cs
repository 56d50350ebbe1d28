using Xunit;

namespace LockService.Api.Tests;

/// <summary>What holds for every request.</summary>
[Collection(SharedService.Name)]
public sealed class ConventionsTests(ServiceFixture fixture)
{
    [Theory]
    [InlineData("/v1/status")]
    [InlineData("/v1/locks/free")]
    [InlineData("/livez")]
    [InlineData("/readyz")]
    [InlineData("/nowhere")]
    public async Task Answers_are_never_cached(string path)
    {
        Answer answer = await fixture.Caller.GetAsync(path);

        Assert.Equal("no-store", answer.Headers["Cache-Control"]);
    }

    [Theory]
    [InlineData("/livez")]
    [InlineData("/nowhere")]
    public async Task The_callers_request_id_is_echoed(string path)
    {
        Answer answer = await fixture.Caller.GetAsync(path, ("X-Request-Id", "caller-7.a"));

        Assert.Equal("caller-7.a", answer.Headers["X-Request-Id"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("with space")]
    [InlineData("tab\tinside")]
    [InlineData("x{129}")]
    public async Task A_request_id_that_is_unfit_is_replaced(string given)
    {
        string id = given == "x{129}" ? new string('x', 129) : given;

        Answer answer = await fixture.Caller.GetAsync("/livez", ("X-Request-Id", id));

        answer.Expect(200);
        Assert.NotEqual(id, answer.Headers["X-Request-Id"]);
        Assert.NotEmpty(answer.Headers["X-Request-Id"]);
    }

    [Fact]
    public async Task Requests_without_an_id_get_different_ones()
    {
        Answer first = await fixture.Caller.GetAsync("/livez");
        Answer second = await fixture.Caller.GetAsync("/livez");

        Assert.NotEqual(first.Headers["X-Request-Id"], second.Headers["X-Request-Id"]);
    }

    [Fact]
    public async Task Problems_carry_the_callers_trace()
    {
        Answer answer = await fixture.Caller.GetAsync("/nowhere", ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));

        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", answer.ExpectProblem(404, "not-found").Text("traceId"));
    }

    [Fact]
    public async Task An_unknown_route_is_not_found() => (await fixture.Caller.GetAsync("/v2/locks/a")).ExpectProblem(404, "not-found");

    [Fact]
    public async Task A_wrong_method_is_told_the_right_ones()
    {
        Answer answer = await fixture.Caller.SendAsync(HttpMethod.Put, "/v1/locks/a/acquire", null);

        answer.ExpectProblem(405, "method-not-allowed");
        Assert.Equal("POST", answer.Headers["Allow"]);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("", "application/x-www-form-urlencoded")]
    [InlineData("{}", "application/json")]
    [InlineData("{}", "Application/JSON; charset=UTF-8")]
    [InlineData("{ }", "application/vnd.any+json")]
    public async Task A_command_needs_no_body(string? body, string? contentType)
    {
        (string, string)[] headers = contentType is null ? [] : [("Content-Type", contentType)];

        Answer answer = await fixture.Caller.PostAsync($"/v1/locks/{Guid.NewGuid()}/acquire", body, headers);

        Assert.Equal(30_000, answer.Expect(200).Number("ttlMs"));
    }

    [Fact]
    public async Task Names_may_be_escaped_in_paths()
    {
        Answer answer = await fixture.Caller.PostAsync("/v1/locks/team%3Areport%401%7E/acquire");

        Assert.Equal("team:report@1~", answer.Expect(200).Text("name"));
    }

    [Fact]
    public async Task The_word_zookeeper_is_a_name_like_any_other()
    {
        (await fixture.Caller.PostAsync("/v1/locks/zookeeper/acquire")).Expect(200);

        Assert.DoesNotContain(await fixture.Tree.ResourcesAsync(), path => path.StartsWith("/zookeeper/zookeeper", StringComparison.Ordinal) || path.StartsWith("/zookeeper/locks", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Neither_secrets_nor_contents_are_logged()
    {
        Answer granted = await fixture.Caller.PostAsync("/v1/locks/secret-test/acquire", """{"owner":"owner-not-logged","metadata":{"k":"metadata-not-logged"}}""");
        string lease = granted.Expect(200).Text("leaseId");
        await fixture.Caller.PostAsync("/v1/locks/secret-test/release", $$"""{"leaseId":"{{lease}}"}""");
        await fixture.Caller.PostAsync("/v1/locks/secret-test/release", $$"""{"leaseId":"{{lease}}"}""");

        string log = fixture.Service.LogTail();
        Assert.DoesNotContain(lease, log, StringComparison.Ordinal);
        Assert.DoesNotContain("owner-not-logged", log, StringComparison.Ordinal);
        Assert.DoesNotContain("metadata-not-logged", log, StringComparison.Ordinal);
    }

    [Fact]
    public void Logs_are_one_JSON_object_a_line() =>
        Assert.All(fixture.Service.LogTail().Split('\n'), line => Assert.Equal('{', System.Text.Json.Nodes.JsonNode.Parse(line)!.ToJsonString()[0]));
}
