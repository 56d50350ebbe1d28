using System.Globalization;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>What a queue refuses on each of its routes: the wrong member is named, and nothing is done. More of it is in <see cref="BadInputTests"/>.</summary>
[Collection(SharedService.Name)]
public sealed class QueueBadInputTests(ServiceFixture fixture)
{
    private readonly string _queue = $"/v1/queues/queue-{Guid.NewGuid():n}";

    [Theory]
    [InlineData("enqueue", "delayMs", """{"body":1,"delayMs":-1}""")]
    [InlineData("enqueue", "ttlMs", """{"body":1,"ttlMs":1209600001}""")]
    [InlineData("enqueue", "ttlMs", """{"body":1,"ttlMs":"1"}""")]
    [InlineData("enqueue", "priority", """{"body":1,"priority":10}""")]
    [InlineData("enqueue", "priority", """{"body":1,"priority":1.5}""")]
    [InlineData("enqueue", "deduplicationKey", """{"body":1,"deduplicationKey":null}""")]
    [InlineData("enqueue", "deduplicationKey", """{"body":1,"deduplicationKey":"a\u0000"}""")]
    [InlineData("enqueue", "deduplicationKey", """{"deduplicationKey":"a","messages":[{"body":1}]}""")]
    [InlineData("enqueue", "messages[0].deduplicationKey", """{"messages":[{"body":1,"deduplicationKey":""}]}""")]
    [InlineData("enqueue", "messages[0].delayMs", """{"messages":[{"body":1,"delayMs":604800001}]}""")]
    [InlineData("enqueue", "messages[0].ttlMs", """{"messages":[{"body":1,"ttlMs":0}]}""")]
    [InlineData("enqueue", "Body", """{"Body":1}""")]
    [InlineData("dequeue", "max", """{"max":-1}""")]
    [InlineData("dequeue", "waitMs", """{"waitMs":-1}""")]
    [InlineData("dequeue", "leaseMs", """{"leaseMs":86400001}""")]
    [InlineData("dequeue", "leaseMs", """{"leaseMs":null}""")]
    [InlineData("dequeue", "count", """{"count":1}""")]
    [InlineData("ack", "delayMs", """{"leaseIds":["x"],"delayMs":1}""")]
    [InlineData("ack", "leaseIds", """{"leaseIds":null}""")]
    [InlineData("nack", "leaseIds", """{"leaseIds":[]}""")]
    [InlineData("nack", "delayMs", """{"leaseIds":["x"],"delayMs":604800001}""")]
    [InlineData("nack", "leaseMs", """{"leaseIds":["x"],"leaseMs":1000}""")]
    [InlineData("extend", "leaseIds", "{}")]
    [InlineData("extend", "leaseMs", """{"leaseIds":["x"],"leaseMs":86400001}""")]
    [InlineData("extend", "leaseMs", """{"leaseIds":["x"],"leaseMs":null}""")]
    [InlineData("extend", "ttlMs", """{"leaseIds":["x"],"ttlMs":1000}""")]
    [InlineData("redrive", "max", """{"max":0}""")]
    [InlineData("redrive", "max", """{"max":1000001}""")]
    [InlineData("redrive", "limit", """{"limit":1}""")]
    public async Task A_member_that_is_wrong_is_named(string command, string member, string json) =>
        await RefusedAsync(await fixture.Caller.PostAsync($"{_queue}/{command}", json), member);

    [Theory]
    [InlineData("maxLength", """{"maxLength":0}""")]
    [InlineData("maxLength", """{"maxLength":1000001}""")]
    [InlineData("maxDeliveries", """{"maxDeliveries":-1}""")]
    [InlineData("maxDeliveries", """{"maxDeliveries":1001}""")]
    [InlineData("deduplicationWindowMs", """{"deduplicationWindowMs":999}""")]
    [InlineData("deduplicationWindowMs", """{"deduplicationWindowMs":3600001}""")]
    [InlineData("maxLength", """{"maxLength":null}""")]
    [InlineData("maxSize", """{"maxSize":1}""")]
    public async Task A_setting_that_is_wrong_is_named(string member, string json) =>
        await RefusedAsync(await fixture.Caller.SendAsync(HttpMethod.Put, _queue, json), member);

    [Theory]
    [InlineData("enqueue", "messages", 0)]
    [InlineData("enqueue", "messages", 101)]
    [InlineData("ack", "leaseIds", 101)]
    [InlineData("nack", "leaseIds", 101)]
    [InlineData("extend", "leaseIds", 101)]
    public async Task A_request_about_none_or_more_than_100_is_refused(string command, string member, int count)
    {
        string item = member == "messages" ? """{"body":1}""" : "\"x\"";

        await RefusedAsync(await fixture.Caller.PostAsync($"{_queue}/{command}", $$"""{"{{member}}":[{{string.Join(',', Enumerable.Repeat(item, count))}}]}"""), member);
    }

    [Fact]
    public async Task One_hundred_messages_are_taken_and_acknowledged_at_once()
    {
        string messages = string.Join(',', Enumerable.Range(0, 100).Select(i => string.Create(CultureInfo.InvariantCulture, $$"""{"body":{{i}}}""")));
        (await fixture.Caller.PostAsync($"{_queue}/enqueue", $$"""{"messages":[{{messages}}]}""")).Expect(201);
        var leases = new List<string>();
        while (leases.Count < 100)
        {
            Answer answer = (await fixture.Caller.PostAsync($"{_queue}/dequeue", """{"max":100,"leaseMs":600000}""")).Expect(200);
            leases.AddRange(answer.Json["messages"]!.AsArray().Select(message => (string)message!["leaseId"]!));
        }

        string ids = string.Join(',', leases.Select(lease => $"\"{lease}\""));
        Assert.Equal("""{"acked":100,"lost":[]}""", (await fixture.Caller.PostAsync($"{_queue}/ack", $$"""{"leaseIds":[{{ids}}]}""")).Expect(200).Body);
    }

    [Fact]
    public async Task A_message_of_several_that_has_more_than_256_KiB_is_too_large_and_named()
    {
        string text = new('x', 256 * 1024);

        Answer answer = await fixture.Caller.PostAsync($"{_queue}/enqueue", $$"""{"messages":[{"body":1},{"body":"{{text}}"}]}""");

        await RefusedAsync(answer, "messages[1].body", 413, "too-large");
    }

    [Fact]
    public async Task A_deduplication_key_has_128_characters_at_most()
    {
        (await fixture.Caller.PostAsync($"{_queue}/enqueue", $$"""{"body":1,"deduplicationKey":"{{new string('k', 128)}}"}""")).Expect(201);

        Answer answer = await fixture.Caller.PostAsync($"{_queue}-2/enqueue", $$"""{"body":1,"deduplicationKey":"{{new string('k', 129)}}"}""");

        answer.ExpectProblem(400, "invalid-request").ExpectErrors("deduplicationKey");
        (await fixture.Caller.GetAsync($"{_queue}-2")).ExpectProblem(404, "not-found");
    }

    [Theory]
    [InlineData("state=", "state")]
    [InlineData("state=Ready", "state")]
    [InlineData("state=ready&state=dead", "state")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("after=0123456789abcdef-0", "after")]
    public async Task A_wrong_question_is_refused(string query, string parameter) =>
        await RefusedAsync(await fixture.Caller.GetAsync($"{_queue}/messages?{query}"), parameter);

    [Fact]
    public async Task Settings_under_a_key_are_set_once()
    {
        await SetAsync("""{"maxLength":5}""", "k");
        await SetAsync("""{"maxLength":7}""", "another");

        Answer again = await SetAsync("""{"maxLength":5}""", "k");

        Assert.Equal("true", again.Headers["Idempotency-Replayed"]);
        Assert.Equal(7, (long)(await fixture.Caller.GetAsync(_queue)).Expect(200).Json["settings"]!["maxLength"]!);

        async Task<Answer> SetAsync(string json, string key) =>
            (await fixture.Caller.SendAsync(HttpMethod.Put, _queue, json, ("Idempotency-Key", key))).Expect(200);
    }

    /// <summary>Nothing was done: there is no such queue yet.</summary>
    private async Task RefusedAsync(Answer answer, string member, int status = 400, string code = "invalid-request")
    {
        answer.ExpectProblem(status, code).ExpectErrors(member);
        (await fixture.Caller.GetAsync(_queue)).ExpectProblem(404, "not-found");
    }
}
