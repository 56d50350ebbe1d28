using System.Text.Json;
using Xunit;

namespace LockService.Contracts.Tests;

public sealed class StrictReadingTests
{
    [Fact]
    public void What_is_left_out_gets_its_default()
    {
        AcquireRequest request = JsonSerializer.Deserialize("{}", ContractJson.Default.AcquireRequest)!;

        Assert.Equal(30_000, request.TtlMs);
        Assert.Equal(0, request.WaitMs);
        Assert.Equal(LockMode.Exclusive, request.Mode);
        Assert.Null(request.Owner);
        Assert.Empty(request.Metadata);
    }

    [Theory]
    [InlineData("""{"tll":1}""")]
    [InlineData("""{"ttlMs":1,"ttlMs":1}""")]
    [InlineData("""{"ttlMs":"1"}""")]
    [InlineData("""{"ttlMs":1.0}""")]
    [InlineData("""{"ttlMs":null}""")]
    [InlineData("""{"owner":null}""")]
    [InlineData("""{"mode":"SHARED"}""")]
    [InlineData("""{"mode":1}""")]
    [InlineData("""{"metadata":{"a":"1","a":"1"}}""")]
    public void What_is_not_in_the_contract_is_refused(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, ContractJson.Default.AcquireRequest));

    [Theory]
    [InlineData("null")]
    [InlineData("1.000000000000000000000000000001")]
    [InlineData("123456789012345678901234567890")]
    [InlineData("\"\\u00e9\\ud83d\\ude00\"")]
    [InlineData("""{ "b" : 1, "a" : [ ] }""")]
    public void A_message_body_comes_out_as_it_went_in(string body)
    {
        EnqueueRequest request = JsonSerializer.Deserialize($$"""{"body":{{body}}}""", ContractJson.Default.EnqueueRequest)!;
        var reply = new MessageReply("m", "l", request.Body, 0, 1, DateTimeOffset.UnixEpoch, 500);

        Assert.Equal(body, request.Body.ToString());
        Assert.Contains($"\"body\":{body},", JsonSerializer.Serialize(reply, ContractJson.Default.MessageReply), StringComparison.Ordinal);
    }

    [Fact]
    public void Times_are_UTC_with_milliseconds()
    {
        var reply = new CounterReply("c", 1, 2, new DateTimeOffset(2026, 1, 31, 10, 15, 0, 7, TimeSpan.FromHours(1)));

        Assert.Contains("\"modifiedAt\":\"2026-01-31T09:15:00.007Z\"", JsonSerializer.Serialize(reply, ContractJson.Default.CounterReply), StringComparison.Ordinal);
    }

    [Fact]
    public void Members_that_are_always_there_are_written_as_null()
    {
        string json = JsonSerializer.Serialize(new LockReply("a", false, null, [], [], 0), ContractJson.Default.LockReply);

        Assert.Equal("""{"name":"a","held":false,"mode":null,"holders":[],"waiters":[],"queueLength":0}""", json);
    }
}
