using Xunit;

namespace LockService.Api.Tests;

/// <summary>Whatever is wrong with a request is answered with a problem that says so, and nothing is created in ZooKeeper.</summary>
[Collection(SharedService.Name)]
public sealed class BadInputTests(ServiceFixture fixture)
{
    private const string Acquire = "/v1/locks/bad-input/acquire";
    private const string Increment = "/v1/counters/bad-input/increment";
    private const string Enqueue = "/v1/queues/bad-input/enqueue";
    private const string Dequeue = "/v1/queues/bad-input/dequeue";
    private const string Ack = "/v1/queues/bad-input/ack";

    /// <summary>A lone surrogate is not Unicode, and no attribute can carry it: it is written as a JSON escape.</summary>
    private const string LoneSurrogate = """{"owner":"\ud800"}""";

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData(".hidden")]
    [InlineData("%2e%2e")]
    [InlineData("%2E")]
    [InlineData(".%2e")]
    [InlineData("%252e%252e")]
    [InlineData("..%2fcounters")]
    [InlineData("a%2Fb")]
    [InlineData("a%252Fb")]
    [InlineData("a%5Cb")]
    [InlineData("a/../../counters/b")]
    [InlineData("")]
    [InlineData("%20")]
    [InlineData("a%20b")]
    [InlineData("a+b")]
    [InlineData("a%0D%0Ab")]
    [InlineData("a%7F")]
    [InlineData("a%01")]
    [InlineData("%C3%A9")]
    [InlineData("e%CC%81")]
    [InlineData("%F0%9F%98%80")]
    [InlineData("%EE%80%80")]
    [InlineData("%FF")]
    [InlineData("%")]
    [InlineData("%zz")]
    [InlineData("a;b")]
    [InlineData("a,b")]
    [InlineData("a*")]
    [InlineData("%00")]
    [InlineData("a%00b")]
    public async Task A_name_that_is_none_is_refused_on_every_route(string name)
    {
        await RefusedAsync(() => fixture.Caller.PostAsync($"/v1/locks/{name}/acquire"));
        await RefusedAsync(() => fixture.Caller.PostAsync($"/v1/counters/{name}/increment"));
        await RefusedAsync(() => fixture.Caller.PostAsync($"/v1/queues/{name}/enqueue", """{"body":1}"""));
    }

    [Theory]
    [InlineData(201)]
    [InlineData(10 * 1024)]
    [InlineData(40 * 1024)]
    public async Task A_name_that_is_too_long_is_refused(int length)
    {
        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync($"/v1/locks/{new string('n', length)}/acquire"));

        answer.ExpectErrors("name");
    }

    [Fact]
    public async Task A_path_beyond_every_limit_is_refused_with_a_problem()
    {
        Answer answer = await fixture.Caller.GetAsync($"/v1/locks/{new string('n', 100_000)}");

        answer.ExpectProblem(414, "invalid-request");
    }

    [Theory]
    [InlineData(Acquire, "ttlMs", "499")]
    [InlineData(Acquire, "ttlMs", "0")]
    [InlineData(Acquire, "ttlMs", "-1")]
    [InlineData(Acquire, "ttlMs", "1")]
    [InlineData(Acquire, "ttlMs", "86400001")]
    [InlineData(Acquire, "ttlMs", "31536000000")]
    [InlineData(Acquire, "ttlMs", "9223372036854775808")]
    [InlineData(Acquire, "ttlMs", "1000.5")]
    [InlineData(Acquire, "ttlMs", "1000.0")]
    [InlineData(Acquire, "ttlMs", "1e400")]
    [InlineData(Acquire, "ttlMs", "\"30000\"")]
    [InlineData(Acquire, "ttlMs", "null")]
    [InlineData(Acquire, "ttlMs", "true")]
    [InlineData(Acquire, "ttlMs", "[]")]
    [InlineData(Acquire, "ttlMs", "{}")]
    [InlineData(Acquire, "waitMs", "-1")]
    [InlineData(Acquire, "waitMs", "600001")]
    [InlineData(Acquire, "mode", "\"Exclusive\"")]
    [InlineData(Acquire, "mode", "\"\"")]
    [InlineData(Acquire, "mode", "0")]
    [InlineData(Acquire, "mode", "null")]
    [InlineData(Acquire, "owner", "\"\"")]
    [InlineData(Acquire, "owner", "null")]
    [InlineData(Acquire, "owner", "7")]
    [InlineData(Acquire, "owner", "\"a\\u0000b\"")]
    [InlineData(Acquire, "owner", "\"a\\nb\"")]
    [InlineData(Acquire, "metadata", "null")]
    [InlineData(Acquire, "metadata", "[]")]
    [InlineData(Acquire, "metadata.a", "1", """{"metadata":{"a":1}}""")]
    [InlineData(Acquire, "metadata.a", "null", """{"metadata":{"a":null}}""")]
    [InlineData(Acquire, "metadata.a", "twice", """{"metadata":{"a":"1","a":"2"}}""")]
    [InlineData(Acquire, "owner", "lone surrogate", LoneSurrogate)]
    [InlineData(Acquire, "tll", "30000")]
    [InlineData(Acquire, "TTLMS", "30000")]
    [InlineData(Acquire, "maxHoldMs", "499")]
    [InlineData(Acquire, "maxHoldMs", "86400001")]
    [InlineData(Acquire, "maxHoldMs", "null")]
    [InlineData(Acquire, "lockDelayMs", "-1")]
    [InlineData(Acquire, "lockDelayMs", "600001")]
    [InlineData(Acquire, "lockDelayMs", "null")]
    [InlineData(Acquire, "leaseId", "\"\"")]
    [InlineData(Acquire, "leaseId", "null")]
    [InlineData(Acquire, "leaseId", "\"a\\u0007\"")]
    [InlineData(Acquire, "ttlMs", "twice", """{"ttlMs":1000,"ttlMs":2000}""")]
    [InlineData("/v1/locks/bad-input/renew", "leaseId", "\"\"")]
    [InlineData("/v1/locks/bad-input/renew", "leaseId", "missing", "{}")]
    [InlineData("/v1/locks/bad-input/renew", "leaseId", "null")]
    [InlineData("/v1/locks/bad-input/renew", "leaseId", "7")]
    [InlineData("/v1/locks/bad-input/renew", "leaseId", "\"a\\u0007\"")]
    [InlineData("/v1/locks/bad-input/renew", "ttlMs", "null", """{"leaseId":"x","ttlMs":null}""")]
    [InlineData("/v1/locks/bad-input/renew", "ttlMs", "1", """{"leaseId":"x","ttlMs":1}""")]
    [InlineData("/v1/locks/bad-input/release", "leaseId", "missing", null)]
    [InlineData(Increment, "by", "9223372036854775808")]
    [InlineData(Increment, "by", "-9223372036854775809")]
    [InlineData(Increment, "by", "1e400")]
    [InlineData(Increment, "by", "0.5")]
    [InlineData(Increment, "by", "\"1\"")]
    [InlineData(Increment, "by", "\"NaN\"")]
    [InlineData(Increment, "min", "5 over 4", """{"min":5,"max":4}""")]
    [InlineData(Enqueue, "body", "missing", null)]
    [InlineData(Enqueue, "body", "missing", "{}")]
    [InlineData(Enqueue, "body", "both", """{"body":1,"messages":[{"body":1}]}""")]
    [InlineData(Enqueue, "body", "duplicates", """{"body":{"a":1,"a":2}}""")]
    [InlineData(Enqueue, "messages", "[]")]
    [InlineData(Enqueue, "messages", "null")]
    [InlineData(Enqueue, "messages[0].body", "missing", """{"messages":[{}]}""")]
    [InlineData(Enqueue, "messages[0].body", "null item", """{"messages":[null]}""")]
    [InlineData(Enqueue, "messages[1].prio", "unknown", """{"messages":[{"body":1},{"body":1,"prio":2}]}""")]
    [InlineData(Enqueue, "prio", "unknown", """{"body":1,"prio":2}""")]
    [InlineData(Enqueue, "messages[1].priority", "too high", """{"messages":[{"body":1},{"body":1,"priority":10}]}""")]
    [InlineData(Enqueue, "priority", "too low", """{"body":1,"priority":-1}""")]
    [InlineData(Enqueue, "priority", "outside", """{"priority":1,"messages":[{"body":1}]}""")]
    [InlineData(Enqueue, "delayMs", "too long", """{"body":1,"delayMs":604800001}""")]
    [InlineData(Enqueue, "ttlMs", "none", """{"body":1,"ttlMs":0}""")]
    [InlineData(Enqueue, "ttlMs", "null", """{"body":1,"ttlMs":null}""")]
    [InlineData(Enqueue, "deduplicationKey", "empty", """{"body":1,"deduplicationKey":""}""")]
    [InlineData("/v1/queues/bad-input/nack", "leaseIds", "none", "{}")]
    [InlineData("/v1/queues/bad-input/nack", "delayMs", "negative", """{"leaseIds":["x"],"delayMs":-1}""")]
    [InlineData("/v1/queues/bad-input/extend", "leaseMs", "too short", """{"leaseIds":["x"],"leaseMs":499}""")]
    [InlineData(Dequeue, "max", "0")]
    [InlineData(Dequeue, "max", "101")]
    [InlineData(Dequeue, "waitMs", "600001")]
    [InlineData(Dequeue, "leaseMs", "499")]
    [InlineData(Ack, "leaseIds", "[]")]
    [InlineData(Ack, "leaseIds", "missing", "{}")]
    [InlineData(Ack, "leaseIds", "\"x\"")]
    [InlineData(Ack, "leaseIds[1]", "empty", """{"leaseIds":["x",""]}""")]
    [InlineData(Ack, "leaseIds[0]", "null", """{"leaseIds":[null]}""")]
    public async Task A_member_that_is_wrong_is_named(string path, string member, string value, string? json = "")
    {
        string? body = json is { Length: 0 } ? $$"""{"{{member}}":{{value}}}""" : json;

        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync(path, body));

        answer.ExpectErrors(member);
    }

    [Fact]
    public async Task Everything_wrong_with_a_request_is_told_at_once()
    {
        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync(
            "/v1/locks/a%20b/acquire", """{"ttlMs":3,"waitMs":1e400,"tll":3,"mode":"x","metadata":{"a":null},"owner":""}"""));

        answer.ExpectErrors("name", "ttlMs", "waitMs", "tll", "mode", "metadata.a", "owner");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("nonsense")]
    [InlineData("{} {}")]
    [InlineData("{\"ttlMs\":1000,}")]
    [InlineData("{/**/}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData(" ")]
    [InlineData("{\"ttlMs\":NaN}")]
    [InlineData("{\"\\ud800\":1}")]
    public async Task A_body_that_is_no_JSON_object_is_refused(string body) =>
        await RefusedAsync(() => fixture.Caller.PostAsync(Acquire, body));

    [Theory]
    [InlineData(65)]
    [InlineData(10_000)]
    public async Task A_body_that_is_nested_too_deeply_is_refused(int depth) =>
        await RefusedAsync(() => fixture.Caller.PostAsync(Enqueue, $$"""{"body":{{new string('[', depth)}}{{new string(']', depth)}}}"""));

    [Theory]
    [InlineData("a", 4097)]
    [InlineData("\u00e9", 2048)]
    public async Task Metadata_beyond_its_limit_is_refused(string letter, int count)
    {
        string value = string.Concat(Enumerable.Repeat(letter, count));

        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync(Acquire, $$$"""{"metadata":{"a":"{{{value}}}"}}"""));

        answer.ExpectErrors("metadata");
    }

    [Fact]
    public async Task A_lease_id_beyond_512_characters_is_refused()
    {
        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync("/v1/locks/bad-input/release", $$"""{"leaseId":"{{new string('x', 513)}}"}"""));

        answer.ExpectErrors("leaseId");
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("text/plain")]
    [InlineData("application/xml")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("nonsense")]
    public async Task A_body_of_another_type_is_refused(string contentType) =>
        await RefusedAsync(() => fixture.Caller.PostAsync(Acquire, "{}", ("Content-Type", contentType)), 415, "unsupported-media-type");

    [Fact]
    public async Task A_message_beyond_256_KiB_is_too_large()
    {
        string text = new('x', 256 * 1024);

        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync(Enqueue, $$"""{"body":"{{text}}"}"""), 413, "too-large");

        answer.ExpectErrors("body");
    }

    [Fact]
    public async Task Messages_beyond_900_KiB_together_are_too_large()
    {
        string message = $$"""{"body":"{{new string('x', 240 * 1024)}}"}""";

        await RefusedAsync(() => fixture.Caller.PostAsync(Enqueue, $$"""{"messages":[{{message}},{{message}},{{message}},{{message}}]}"""), 413, "too-large");
    }

    [Fact]
    public async Task More_than_100_messages_are_refused()
    {
        string messages = string.Join(',', Enumerable.Repeat("""{"body":1}""", 101));

        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync(Enqueue, $$"""{"messages":[{{messages}}]}"""));

        answer.ExpectErrors("messages");
    }

    [Fact]
    public async Task A_body_beyond_1_MiB_is_too_large_by_its_length()
    {
        string head = "POST /v1/queues/bad-input/enqueue HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 30000000\r\n\r\n{";

        string answer = await RawRequest.SendAsync(fixture.Service.Address, head);

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("urn:lockservice:problem:too-large", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2_000_000)]
    [InlineData(30_000_000)]
    public async Task A_client_that_sends_everything_before_it_listens_learns_that_it_was_too_large(int length)
    {
        string head = $"POST /v1/queues/bad-input/enqueue HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n";

        string answer = await RawRequest.SendAsync(fixture.Service.Address, head + new string(' ', length));

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("urn:lockservice:problem:too-large", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endless_body_is_too_large_as_soon_as_it_has_passed_1_MiB()
    {
        string head = "POST /v1/queues/bad-input/enqueue HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        string chunk = $"10000\r\n{new string(' ', 0x10000)}\r\n";

        string answer = await RawRequest.SendAsync(fixture.Service.Address, head + string.Concat(Enumerable.Repeat(chunk, 17)));

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("urn:lockservice:problem:too-large", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET / HTTP/9.9\r\n\r\n", 505)]
    [InlineData("GET /\r\n\r\n", 400)]
    [InlineData("GET /livez HTTP/1.1\r\n\r\n", 400)]
    [InlineData("POST /v1/locks/a%00/acquire HTTP/1.1\r\nHost: test\r\n\r\n", 400)]
    [InlineData("POST /v1/locks/\u00e9/acquire HTTP/1.1\r\nHost: test\r\n\r\n", 400)]
    [InlineData("POST /v1/locks/smuggled/acquire HTTP/1.1\r\nHost: test\r\nContent-Length: -1\r\n\r\n", 400)]
    [InlineData("POST /v1/locks/smuggled/acquire HTTP/1.1\r\nHost: test\nContent-Length: 0\r\n\r\n", 400)]
    [InlineData("POST /v1/locks/smuggled/acquire HTTP/1.1\nHost: test\r\nContent-Length: 0\r\n\r\n", 400)]
    [InlineData("POST /v1/locks/smuggled/acquire HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)]
    [InlineData("POST /v1/locks/smuggled/acquire HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400)]
    [InlineData("POST /v1/locks/smuggled/acquire HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;\n{}\r\n0\r\n\r\n", 400)]
    public async Task What_is_not_even_HTTP_is_answered_with_a_problem_and_closed(string request, int status)
    {
        IReadOnlyList<string> before = await fixture.Tree.ResourcesAsync();

        string answer = await RawRequest.SendAsync(fixture.Service.Address, request);

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
        Assert.Contains("urn:lockservice:problem:invalid-request", answer, StringComparison.Ordinal);
        Assert.Empty((await fixture.Tree.ResourcesAsync()).Except(before));
    }

    [Theory]
    [InlineData("/v1/locks/bad-input/acquire?ttlMs=5000", "ttlMs")]
    [InlineData("/v1/locks/bad-input/acquire?verbose", "verbose")]
    public async Task Query_parameters_are_refused_since_they_would_be_ignored(string path, string parameter)
    {
        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync(path));

        answer.ExpectErrors(parameter);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"k")]
    [InlineData("long")]
    public async Task A_key_that_is_none_is_refused(string key)
    {
        string given = key == "long" ? new string('k', 10 * 1024) : key;

        Answer answer = await RefusedAsync(() => fixture.Caller.PostAsync(Increment, null, ("Idempotency-Key", given)));

        answer.ExpectErrors("Idempotency-Key");
    }

    [Theory]
    [InlineData("Idempotency-Key: k\r\nIdempotency-Key: k\r\n")]
    [InlineData("Idempotency-Key: \u00e9\r\n")]
    public async Task A_key_given_twice_or_not_in_ASCII_is_refused(string headers)
    {
        string answer = await RawRequest.SendAsync(
            fixture.Service.Address, $"POST {Increment} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");

        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("Idempotency-Key", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST /v1/locks/bad-input/acquire", "application/json", "{} {}", 400)]
    [InlineData("POST /v1/locks/bad-input/acquire", "application/json", "[]", 400)]
    [InlineData("POST /v1/locks/bad-input/acquire", "application/json", "{\"ttlMs\":3}", 400)]
    [InlineData("POST /v1/locks/bad-input/acquire", "text/plain", "{}", 415)]
    [InlineData("POST /v1/locks/bad-input/acquire?ttlMs=3", "application/json", "{}", 400)]
    [InlineData("POST /v1/locks/a%20b/acquire", "application/json", "{}", 400)]
    [InlineData("POST /v1/locks/bad-input/acquire\r\nIdempotency-Key: \"k", "application/json", "{}", 400)]
    [InlineData("POST /v1/nothing", "application/json", "{}", 404)]
    [InlineData("PATCH /v1/locks/bad-input/acquire", "application/json", "{}", 405)]
    [InlineData("POST /v1/locks/bad-input/acquire", "application/json", "long", 413)]
    public async Task Whoever_was_refused_goes_on_with_the_same_connection(string request, string contentType, string body, int status)
    {
        string sent = body == "long" ? new string(' ', 2_000_000) : body;
        string[] lines = request.Split("\r\n", 2);
        string headers = lines.Length > 1 ? $"{lines[1]}\r\n" : "";
        string refused = $"{lines[0]} HTTP/1.1\r\nHost: test\r\n{headers}Content-Type: {contentType}\r\nContent-Length: {sent.Length}\r\n\r\n{sent}";

        string answers = await RawRequest.SendAsync(fixture.Service.Address, $"{refused}GET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");

        Assert.StartsWith($"HTTP/1.1 {status} ", answers, StringComparison.Ordinal);
        Assert.Contains("HTTP/1.1 200 ", answers, StringComparison.Ordinal);
    }

    private async Task<Answer> RefusedAsync(Func<Task<Answer>> call, int status = 400, string code = "invalid-request")
    {
        IReadOnlyList<string> before = await fixture.Tree.ResourcesAsync();

        Answer answer = await call();

        answer.ExpectProblem(status, code);
        Assert.Empty((await fixture.Tree.ResourcesAsync()).Except(before));
        return answer;
    }
}
