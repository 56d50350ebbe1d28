using System.Text.Json.Nodes;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>What messages and queues can be besides ready, as the contract shows it.</summary>
[Collection(SharedService.Name)]
public sealed class QueueStateTests(ServiceFixture fixture)
{
    private readonly string _queue = $"/v1/queues/queue-{Guid.NewGuid():n}";

    [Fact]
    public async Task Higher_priorities_leave_first_and_within_one_the_order_is_kept()
    {
        (await PostAsync("enqueue", """{"messages":[{"body":1},{"body":2,"priority":9},{"body":3,"priority":5},{"body":4,"priority":9},{"body":5}]}""")).Expect(201);

        Assert.Equal([2, 4, 3, 1, 5], (await DequeueAsync("""{"max":10}""")).Select(Body));
    }

    [Fact]
    public async Task A_delayed_message_is_hidden_and_then_takes_its_old_place()
    {
        (await PostAsync("enqueue", """{"body":1,"delayMs":700}""")).Expect(201);
        (await PostAsync("enqueue", """{"body":2}""")).Expect(201);

        await StateIsAsync(ready: 1, delayed: 1);
        Assert.Equal([1], Items(await PeekAsync("delayed")).Select(Body));
        await StateIsAsync(ready: 2);
        Assert.Equal([1, 2], (await DequeueAsync("""{"max":10}""")).Select(Body));
    }

    [Fact]
    public async Task A_message_that_has_had_its_time_is_never_delivered()
    {
        (await PostAsync("enqueue", """{"messages":[{"body":1,"ttlMs":300},{"body":2,"ttlMs":600000}]}""")).Expect(201);

        await Eventually.TrueAsync("the first has had its time", async () =>
        {
            JsonNode message = Assert.Single(await DequeueAsync("""{"leaseMs":500}"""));
            await PostAsync("nack", Leases(message));
            return Body(message) == 2;
        });

        await StateIsAsync(ready: 1);
    }

    [Fact]
    public async Task A_message_with_the_key_of_an_earlier_one_is_not_put_into_the_queue_within_the_window()
    {
        (await PutAsync("""{"deduplicationWindowMs":1000}""")).Expect(200);
        string first = (await PostAsync("enqueue", """{"body":1,"deduplicationKey":"a"}""")).Expect(201).Text("messageId");

        Assert.Equal(first, (await PostAsync("enqueue", """{"body":2,"deduplicationKey":"a"}""")).Expect(201).Text("messageId"));
        Answer batch = await PostAsync("enqueue", """{"messages":[{"body":3,"deduplicationKey":"a"},{"body":4,"deduplicationKey":"b"},{"body":5,"deduplicationKey":"b"}]}""");

        string[] ids = [.. batch.Expect(201).Json["messageIds"]!.AsArray().Select(id => (string)id!)];
        Assert.Equal(first, ids[0]);
        Assert.Equal(ids[1], ids[2]);
        Assert.Equal([1, 4], Items(await PeekAsync("ready")).Select(Body));
        await Eventually.TrueAsync("the window is over", async () =>
            (await PostAsync("enqueue", """{"body":6,"deduplicationKey":"a"}""")).Expect(201).Text("messageId") != first);
    }

    [Fact]
    public async Task A_message_that_is_given_back_is_ready_at_its_place_at_once_or_later()
    {
        (await PostAsync("enqueue", """{"messages":[{"body":1},{"body":2}]}""")).Expect(201);
        IReadOnlyList<JsonNode> leased = await DequeueAsync("""{"max":2}""");

        Assert.Equal("""{"nacked":1,"lost":[]}""", (await PostAsync("nack", Leases(leased[0]))).Expect(200).Body);
        Assert.Equal("""{"nacked":1,"lost":["x"]}""", (await PostAsync("nack", $$"""{"leaseIds":["{{leased[1]["leaseId"]}}","x"],"delayMs":60000}""")).Expect(200).Body);

        await StateIsAsync(ready: 1, delayed: 1);
        JsonNode again = Assert.Single(await DequeueAsync("""{"max":2}"""));
        Assert.Equal((1, 2), (Body(again), (int)again["deliveryCount"]!));
        (await PostAsync("nack", Leases(leased[0]))).ExpectProblem(410, "lease-lost");
        (await PostAsync("ack", Leases(leased[0]))).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task A_lease_that_is_extended_outlasts_the_time_it_was_granted_for()
    {
        (await PostAsync("enqueue", """{"body":1}""")).Expect(201);
        JsonNode message = Assert.Single(await DequeueAsync("""{"leaseMs":500}"""));

        Assert.Equal("""{"extended":1,"lost":[]}""", (await PostAsync("extend", $$"""{"leaseIds":["{{message["leaseId"]}}"],"leaseMs":60000}""")).Expect(200).Body);

        Assert.Empty(await DequeueAsync("""{"waitMs":1500}"""));
        (await PostAsync("ack", Leases(message))).Expect(200);
        (await PostAsync("extend", Leases(message))).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task A_message_that_was_delivered_too_often_is_a_dead_letter_until_it_is_put_back()
    {
        (await PutAsync("""{"maxDeliveries":2}""")).Expect(200);
        (await PostAsync("enqueue", """{"messages":[{"body":1},{"body":2}]}""")).Expect(201);
        for (int i = 0; i < 2; i++)
        {
            (await PostAsync("nack", Leases(Assert.Single(await DequeueAsync())))).Expect(200);
        }

        await StateIsAsync(ready: 1, dead: 1);
        JsonNode dead = Assert.Single(Items(await PeekAsync("dead")));
        Assert.Equal((1, 2, "dead"), (Body(dead), (int)dead["deliveryCount"]!, (string)dead["state"]!));

        Assert.Equal("""{"redriven":1}""", (await PostAsync("redrive", null)).Expect(200).Body);
        Assert.Equal("""{"redriven":0}""", (await PostAsync("redrive", null)).Expect(200).Body);
        JsonNode back = Assert.Single(await DequeueAsync());
        Assert.Equal((1, 1), (Body(back), (int)back["deliveryCount"]!));
    }

    [Fact]
    public async Task A_lease_that_ends_for_the_last_time_makes_a_dead_letter_too()
    {
        (await PutAsync("""{"maxDeliveries":1}""")).Expect(200);
        (await PostAsync("enqueue", """{"body":1}""")).Expect(201);
        Assert.Single(await DequeueAsync("""{"leaseMs":500}"""));

        await StateIsAsync(dead: 1);
    }

    [Fact]
    public async Task A_queue_takes_no_more_than_its_maximum_and_goes_on_when_there_is_room()
    {
        (await PutAsync("""{"maxLength":3}""")).Expect(200);
        (await PostAsync("enqueue", """{"messages":[{"body":1},{"body":2}]}""")).Expect(201);

        (await PostAsync("enqueue", """{"messages":[{"body":3},{"body":4}]}""")).ExpectProblem(409, "queue-full");
        (await PostAsync("enqueue", """{"body":3,"delayMs":60000}""")).Expect(201);
        (await PostAsync("enqueue", """{"body":4}""")).ExpectProblem(409, "queue-full");

        (await PostAsync("ack", Leases(Assert.Single(await DequeueAsync())))).Expect(200);
        (await PostAsync("enqueue", """{"body":4}""")).Expect(201);
        await StateIsAsync(ready: 2, delayed: 1);
    }

    [Fact]
    public async Task Settings_are_shown_and_what_is_left_out_has_its_default()
    {
        (await fixture.Caller.GetAsync(_queue)).ExpectProblem(404, "not-found");

        Answer set = await PutAsync("""{"maxLength":5,"maxDeliveries":3,"deduplicationWindowMs":60000}""");

        Assert.Equal(["name", "ready", "delayed", "leased", "deadLettered", "oldestAgeMs", "settings"], set.Expect(200).Json.Select(member => member.Key));
        Assert.Equal("""{"maxLength":5,"maxDeliveries":3,"deduplicationWindowMs":60000}""", set.Json["settings"]!.ToJsonString());
        Assert.Null(set.Json["oldestAgeMs"]);
        Assert.Equal(
            """{"maxLength":100000,"maxDeliveries":0,"deduplicationWindowMs":300000}""", (await PutAsync("{}")).Expect(200).Json["settings"]!.ToJsonString());
    }

    [Fact]
    public async Task Messages_are_shown_page_by_page_with_nothing_that_could_acknowledge_them()
    {
        (await PostAsync("enqueue", """{"messages":[{"body":1},{"body":2},{"body":3,"priority":1},{"body":4}]}""")).Expect(201);
        Assert.Single(await DequeueAsync());

        Answer first = await PeekAsync("ready", "&limit=2");
        Answer second = await PeekAsync("ready", $"&limit=2&after={first.Expect(200).Text("next")}");

        Assert.Equal([1, 2], Items(first).Select(Body));
        Assert.Equal([4], Items(second).Select(Body));
        Assert.Null(second.Json["next"]);
        JsonNode leased = Assert.Single(Items(await PeekAsync("leased")));
        Assert.Equal(["messageId", "state", "body", "priority", "deliveryCount", "enqueuedAt"], leased.AsObject().Select(member => member.Key));
        Assert.Equal((3, 1), (Body(leased), (int)leased["deliveryCount"]!));
        Assert.InRange((await fixture.Caller.GetAsync(_queue)).Number("oldestAgeMs"), 0, 60_000);
    }

    [Fact]
    public async Task A_removed_queue_is_gone_with_its_leases_and_the_next_one_begins_anew()
    {
        (await PostAsync("enqueue", """{"messages":[{"body":1},{"body":2}]}""")).Expect(201);
        JsonNode leased = Assert.Single(await DequeueAsync());

        (await DeleteAsync()).Expect(204);

        (await DeleteAsync()).ExpectProblem(404, "not-found");
        (await fixture.Caller.GetAsync(_queue)).ExpectProblem(404, "not-found");
        (await PeekAsync("ready")).ExpectProblem(404, "not-found");
        (await PostAsync("redrive", null)).ExpectProblem(404, "not-found");
        (await PostAsync("ack", Leases(leased))).ExpectProblem(410, "lease-lost");
        Assert.Empty(await DequeueAsync());
        (await PostAsync("enqueue", """{"body":3}""")).Expect(201);
        (await PostAsync("ack", Leases(leased))).ExpectProblem(410, "lease-lost");
        Assert.Equal(3, Body(Assert.Single(await DequeueAsync("""{"max":10}"""))));
    }

    [Theory]
    [InlineData("state=gone", "state")]
    [InlineData("limit=0", "limit")]
    [InlineData("after=../x", "after")]
    [InlineData("prefix=a", "prefix")]
    public async Task A_wrong_question_is_refused(string query, string parameter) =>
        (await fixture.Caller.GetAsync($"{_queue}/messages?{query}")).ExpectProblem(400, "invalid-request").ExpectErrors(parameter);

    [Theory]
    [InlineData("nack")]
    [InlineData("extend")]
    [InlineData("redrive")]
    [InlineData("")]
    public async Task Under_a_key_it_is_done_once_and_answered_again(string what)
    {
        (await PutAsync("""{"maxDeliveries":1}""")).Expect(200);
        (await PostAsync("enqueue", """{"body":1}""")).Expect(201);
        JsonNode leased = Assert.Single(await DequeueAsync("""{"leaseMs":60000}"""));
        if (what == "redrive")
        {
            (await PostAsync("nack", Leases(leased))).Expect(200);
        }

        Answer[] answers = [await CallAsync(), await CallAsync()];

        Assert.Equal(answers[0].Status, answers[1].Status);
        Assert.True(answers[0].Headers.ContainsKey("Idempotency-Replayed") is false, answers[0].Body);
        Assert.Equal("true", answers[1].Headers["Idempotency-Replayed"]);
        Assert.Equal(answers[0].Body, answers[1].Body);

        Task<Answer> CallAsync() => what.Length == 0
            ? fixture.Caller.SendAsync(HttpMethod.Delete, _queue, null, ("Idempotency-Key", "k"))
            : fixture.Caller.PostAsync($"{_queue}/{what}", what == "redrive" ? null : Leases(leased), ("Idempotency-Key", "k"));
    }

    private Task<Answer> PostAsync(string command, string? json) => fixture.Caller.PostAsync($"{_queue}/{command}", json);

    private Task<Answer> PutAsync(string json) => fixture.Caller.SendAsync(HttpMethod.Put, _queue, json);

    private Task<Answer> DeleteAsync() => fixture.Caller.SendAsync(HttpMethod.Delete, _queue, null);

    private Task<Answer> PeekAsync(string state, string more = "") => fixture.Caller.GetAsync($"{_queue}/messages?state={state}{more}");

    private async Task<IReadOnlyList<JsonNode>> DequeueAsync(string? json = null)
    {
        Answer answer = await fixture.Caller.PostAsync($"{_queue}/dequeue", json);
        return [.. answer.Expect(200).Json["messages"]!.AsArray().Select(message => message!)];
    }

    private Task StateIsAsync(long ready = 0, long delayed = 0, long leased = 0, long dead = 0) => Eventually.TrueAsync(
        $"{ready} are ready, {delayed} delayed, {leased} leased, {dead} dead",
        async () =>
        {
            Answer state = (await fixture.Caller.GetAsync(_queue)).Expect(200);
            return (ready, delayed, leased, dead) == (state.Number("ready"), state.Number("delayed"), state.Number("leased"), state.Number("deadLettered"));
        });

    private static IReadOnlyList<JsonNode> Items(Answer page) => [.. page.Expect(200).Json["items"]!.AsArray().Select(item => item!)];

    private static int Body(JsonNode message) => (int)message["body"]!;

    private static string Leases(JsonNode message) => $$"""{"leaseIds":["{{message["leaseId"]}}"]}""";
}
