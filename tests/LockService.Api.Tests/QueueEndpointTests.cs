using System.Text.Json.Nodes;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Queues as the contract shows them; how they work is tested with the recipe.</summary>
[Collection(SharedService.Name)]
public sealed class QueueEndpointTests(ServiceFixture fixture)
{
    private readonly string _queue = $"/v1/queues/queue-{Guid.NewGuid():n}";

    [Fact]
    public async Task One_message_gets_one_id()
    {
        Answer answer = await EnqueueAsync("""{"body":{"a":1}}""");

        Assert.Equal(["messageId"], answer.Expect(201).Json.Select(member => member.Key));
        Assert.NotEmpty(answer.Text("messageId"));
    }

    [Fact]
    public async Task Several_messages_get_ids_in_order_and_leave_in_that_order()
    {
        Answer answer = await EnqueueAsync("""{"messages":[{"body":1},{"body":2},{"body":3}]}""");

        Assert.Equal(["messageIds"], answer.Expect(201).Json.Select(member => member.Key));
        IReadOnlyList<JsonNode> messages = await DequeueAsync("""{"max":10}""");
        Assert.Equal(answer.Json["messageIds"]!.AsArray().Select(id => (string)id!), messages.Select(message => (string)message["messageId"]!));
        Assert.Equal([1, 2, 3], messages.Select(message => (int)message["body"]!));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("\"\\u00e9\"")]
    [InlineData("1.000000000000000000000000000001")]
    [InlineData("""{ "b" : [ 1 , {} ], "a" : false }""")]
    public async Task A_body_comes_out_as_it_went_in(string body)
    {
        (await EnqueueAsync($$"""{"body":{{body}}}""")).Expect(201);

        Answer answer = await fixture.Caller.PostAsync($"{_queue}/dequeue");

        Assert.Contains($"\"body\":{body},", answer.Expect(200).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_may_have_256_KiB()
    {
        string text = new('x', (256 * 1024) - 2);

        (await EnqueueAsync($$"""{"body":"{{text}}"}""")).Expect(201);

        Assert.Equal(text, (string)Assert.Single(await DequeueAsync())["body"]!);
    }

    [Fact]
    public async Task A_message_has_the_contracts_shape()
    {
        await EnqueueAsync("""{"body":1}""");

        JsonNode message = Assert.Single(await DequeueAsync("""{"leaseMs":45000}"""));

        Assert.Equal(
            ["messageId", "leaseId", "body", "priority", "deliveryCount", "enqueuedAt", "leaseMs"], message.AsObject().Select(member => member.Key));
        Assert.Equal(0, (int)message["priority"]!);
        Assert.Equal(1, (int)message["deliveryCount"]!);
        Assert.Equal(45_000, (int)message["leaseMs"]!);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", (string)message["enqueuedAt"]!);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("""{"waitMs":200}""")]
    public async Task A_queue_without_messages_gives_an_empty_list(string? json) => Assert.Empty(await DequeueAsync(json));

    [Fact]
    public async Task A_consumer_that_waits_gets_the_next_message()
    {
        Task<IReadOnlyList<JsonNode>> waiting = DequeueAsync("""{"waitMs":60000}""");

        await EnqueueAsync("""{"body":"late"}""");

        Assert.Equal("late", (string)Assert.Single(await Eventually.CompletesAsync("the message comes", waiting))["body"]!);
    }

    [Fact]
    public async Task A_message_that_is_acknowledged_never_comes_back()
    {
        await EnqueueAsync("""{"body":1}""");
        string lease = (string)Assert.Single(await DequeueAsync("""{"leaseMs":500}"""))["leaseId"]!;

        Answer acked = await AckAsync(lease);

        Assert.Equal("""{"acked":1,"lost":[]}""", acked.Expect(200).Body);
        Assert.Empty(await DequeueAsync("""{"waitMs":1500}"""));
        (await AckAsync(lease)).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task A_message_whose_lease_ends_comes_back()
    {
        await EnqueueAsync("""{"body":1}""");
        string first = (string)Assert.Single(await DequeueAsync("""{"leaseMs":500}"""))["leaseId"]!;

        JsonNode again = Assert.Single(await DequeueAsync("""{"waitMs":30000}"""));

        Assert.Equal(2, (int)again["deliveryCount"]!);
        (await AckAsync(first)).ExpectProblem(410, "lease-lost");
        (await AckAsync((string)again["leaseId"]!)).Expect(200);
    }

    [Fact]
    public async Task Lost_leases_among_several_are_listed()
    {
        await EnqueueAsync("""{"body":1}""");
        string lease = (string)Assert.Single(await DequeueAsync())["leaseId"]!;

        Answer acked = await AckAsync("never-was", lease, lease);

        Assert.Equal("""{"acked":1,"lost":["never-was"]}""", acked.Expect(200).Body);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("../../locks/a")]
    [InlineData("\u00e9")]
    public async Task A_lease_that_never_was_is_lost(string lease) => (await AckAsync(lease)).ExpectProblem(410, "lease-lost");

    private Task<Answer> EnqueueAsync(string json) => fixture.Caller.PostAsync($"{_queue}/enqueue", json);

    private Task<Answer> AckAsync(params string[] leases) =>
        fixture.Caller.PostAsync($"{_queue}/ack", $$"""{"leaseIds":[{{string.Join(',', leases.Select(lease => $"\"{lease}\""))}}]}""");

    private async Task<IReadOnlyList<JsonNode>> DequeueAsync(string? json = null)
    {
        Answer answer = await fixture.Caller.PostAsync($"{_queue}/dequeue", json);
        return [.. answer.Expect(200).Json["messages"]!.AsArray().Select(message => message!)];
    }
}
