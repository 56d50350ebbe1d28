using LockService.Api.Requests;
using Microsoft.Extensions.Primitives;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>E7. <c>Idempotency-Key</c> as the contract shows it; what it does is tested with the recipes.</summary>
[Collection(SharedService.Name)]
public sealed class IdempotencyTests(ServiceFixture fixture)
{
    private readonly string _counter = $"/v1/counters/{Guid.NewGuid():n}/increment";
    private readonly string _queue = $"/v1/queues/{Guid.NewGuid():n}";

    [Fact]
    public async Task A_repeated_increment_is_answered_again_and_says_so()
    {
        Answer first = await PostAsync(_counter, "k", """{"by":5}""");
        Answer again = await PostAsync(_counter, "k", """{"by":5}""");
        Answer other = await PostAsync(_counter, "l", """{"by":5}""");

        Assert.Equal(first.Expect(200).Body, again.Expect(200).Body);
        Assert.False(first.Headers.ContainsKey("Idempotency-Replayed"));
        Assert.Equal("true", again.Headers["Idempotency-Replayed"]);
        Assert.Equal(10, other.Expect(200).Number("value"));
    }

    [Fact]
    public async Task E7_the_same_key_with_another_body_is_refused_and_changes_nothing()
    {
        await PostAsync(_counter, "k", """{"by":5}""");

        (await PostAsync(_counter, "k", """{"by":6}""")).ExpectProblem(422, "idempotency-mismatch");

        Assert.Equal(6, (await fixture.Caller.PostAsync(_counter)).Number("value"));
    }

    [Fact]
    public async Task E7_a_key_means_something_else_on_another_path()
    {
        string other = $"/v1/counters/{Guid.NewGuid():n}/increment";

        await PostAsync(_counter, "k");

        Assert.False((await PostAsync(other, "k")).Expect(200).Headers.ContainsKey("Idempotency-Replayed"));
    }

    [Fact]
    public async Task The_way_in_which_path_and_key_are_written_does_not_matter()
    {
        await PostAsync(_counter, "k 1");

        Answer again = await PostAsync(_counter.Replace("/v1/counters/", "/V1/Counters/", StringComparison.Ordinal) + "/", "\"k 1\"");

        Assert.Equal(1, again.Expect(200).Number("value"));
    }

    [Fact]
    public async Task A_refusal_is_not_kept()
    {
        (await PostAsync(_counter, "k", """{"max":0}""")).ExpectProblem(409, "counter-out-of-range");
        await fixture.Caller.PostAsync(_counter, """{"by":-1}""");

        Assert.Equal(0, (await PostAsync(_counter, "k", """{"max":0}""")).Expect(200).Number("value"));
    }

    [Fact]
    public async Task Messages_are_put_taken_and_removed_once()
    {
        Answer[] enqueued = [await PostAsync($"{_queue}/enqueue", "e", """{"body":1}"""), await PostAsync($"{_queue}/enqueue", "e", """{"body":1}""")];
        Answer[] dequeued = [await PostAsync($"{_queue}/dequeue", "d", """{"max":9}"""), await PostAsync($"{_queue}/dequeue", "d", """{"max":9}""")];
        string lease = (string)dequeued[0].Json["messages"]![0]!["leaseId"]!;
        string ack = $$"""{"leaseIds":["{{lease}}"]}""";
        Answer[] acked = [await PostAsync($"{_queue}/ack", "a", ack), await PostAsync($"{_queue}/ack", "a", ack)];

        Assert.Equal(enqueued[0].Expect(201).Body, enqueued[1].Expect(201).Body);
        Assert.Single(dequeued[0].Expect(200).Json["messages"]!.AsArray());
        Assert.Equal(dequeued[0].Body, dequeued[1].Expect(200).Body);
        Assert.Equal(acked[0].Expect(200).Body, acked[1].Expect(200).Body);
        Assert.Equal("true", acked[1].Headers["Idempotency-Replayed"]);
    }

    [Fact]
    public async Task A_lock_is_taken_renewed_and_released_once()
    {
        string path = $"/v1/locks/{Guid.NewGuid():n}";
        Answer[] granted = [await PostAsync($"{path}/acquire", "a"), await PostAsync($"{path}/acquire", "a")];
        string lease = $$"""{"leaseId":"{{granted[0].Expect(200).Text("leaseId")}}"}""";
        Answer[] renewed = [await PostAsync($"{path}/renew", "r", lease), await PostAsync($"{path}/renew", "r", lease)];
        Answer[] released = [await PostAsync($"{path}/release", "x", lease), await PostAsync($"{path}/release", "x", lease)];

        foreach (Answer[] answers in (Answer[][])[granted, renewed])
        {
            Assert.All((string[])["leaseId", "fencingToken", "waitedMs", "ttlMs", "acquiredAt", "owner"], member =>
                Assert.Equal(answers[0].Expect(200).Json[member]!.ToJsonString(), answers[1].Expect(200).Json[member]!.ToJsonString()));
            Assert.Equal("true", answers[1].Headers["Idempotency-Replayed"]);
        }

        released[0].Expect(204);
        Assert.Equal("true", released[1].Expect(204).Headers["Idempotency-Replayed"]);
        Answer late = await PostAsync($"{path}/acquire", "a");
        late.ExpectProblem(410, "lease-lost");
        Assert.False(late.Headers.ContainsKey("Idempotency-Replayed"));
    }

    [Fact]
    public async Task A_counter_is_set_and_removed_once()
    {
        string path = $"/v1/counters/{Guid.NewGuid():n}";
        Answer[] set = [await SendAsync(HttpMethod.Put, path, "s", """{"value":7}"""), await SendAsync(HttpMethod.Put, path, "s", """{"value":7}""")];
        Answer[] removed = [await SendAsync(HttpMethod.Delete, path, "d", null), await SendAsync(HttpMethod.Delete, path, "d", null)];

        Assert.Equal(set[0].Expect(200).Body, set[1].Expect(200).Body);
        Assert.Equal(set[0].Headers["ETag"], set[1].Headers["ETag"]);
        Assert.Equal("true", set[1].Headers["Idempotency-Replayed"]);
        removed[0].Expect(204);
        Assert.Equal("true", removed[1].Expect(204).Headers["Idempotency-Replayed"]);
    }

    [Fact]
    public async Task A_key_on_a_read_is_ignored() => (await fixture.Caller.GetAsync("/v1/locks/free", ("Idempotency-Key", ""))).Expect(200);

    [Theory]
    [InlineData("k", "k")]
    [InlineData("\"k\"", "k")]
    [InlineData("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324")]
    [InlineData("a b", "a b")]
    [InlineData("\"a b\"", "a b")]
    [InlineData("\"a\\\"b\\\\\"", "a\"b\\")]
    [InlineData("a\"b", "a\"b")]
    [InlineData("", null)]
    [InlineData("\"\"", null)]
    [InlineData("\"", null)]
    [InlineData("\"k", null)]
    [InlineData("\"a\"b\"", null)]
    [InlineData("\"a\", \"b\"", null)]
    [InlineData("\"a\\b\"", null)]
    [InlineData("\"k\";p=1", null)]
    [InlineData("k\t", null)]
    [InlineData("k\u007f", null)]
    [InlineData("k\u00e9", null)]
    public void B11_a_key_is_printable_and_the_same_with_quotes(string written, string? key) =>
        Assert.Equal(key, IdempotencyKey.Parse(written));

    [Theory]
    [InlineData(128, true)]
    [InlineData(129, false)]
    [InlineData(10 * 1024, false)]
    public void B11_a_key_has_128_characters_at_most(int length, bool valid)
    {
        string key = new('k', length);

        Assert.Equal(valid, IdempotencyKey.Parse(key) is not null);
        Assert.Equal(valid, IdempotencyKey.Parse($"\"{key}\"") is not null);
    }

    [Fact]
    public void B11_a_key_is_given_once() => Assert.Null(IdempotencyKey.Parse(new StringValues(["k", "k"])));

    private Task<Answer> PostAsync(string path, string key, string? json = null) => SendAsync(HttpMethod.Post, path, key, json);

    private Task<Answer> SendAsync(HttpMethod method, string path, string key, string? json) =>
        fixture.Caller.SendAsync(method, path, json, ("Idempotency-Key", key));
}
