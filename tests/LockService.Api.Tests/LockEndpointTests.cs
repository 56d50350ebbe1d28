using System.Net;
using System.Text.Json.Nodes;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Locks as the contract shows them; how they work is tested with the recipe.</summary>
[Collection(SharedService.Name)]
public sealed class LockEndpointTests(ServiceFixture fixture)
{
    private const string TimePattern = @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$";

    private readonly string _lock = $"/v1/locks/lock-{Guid.NewGuid():n}";

    [Fact]
    public async Task A_grant_has_the_contracts_shape()
    {
        Answer answer = await AcquireAsync("""{"ttlMs":45000,"mode":"shared","owner":"Jörg 7","metadata":{"job":"42"}}""");

        JsonObject json = answer.Expect(200).Json;
        Assert.Equal("application/json; charset=utf-8", answer.Headers["Content-Type"]);
        Assert.Equal(
            ["name", "leaseId", "fencingToken", "mode", "owner", "ttlMs", "waitedMs", "acquiredAt", "expiresAt"], json.Select(member => member.Key));
        Assert.Equal(_lock, $"/v1/locks/{answer.Text("name")}");
        Assert.Equal("shared", answer.Text("mode"));
        Assert.Equal("Jörg 7", answer.Text("owner"));
        Assert.Contains("Jörg 7", answer.Body, StringComparison.Ordinal);
        Assert.Equal(45_000, answer.Number("ttlMs"));
        Assert.True(answer.Number("fencingToken") > 0);
        Assert.True(answer.Number("waitedMs") >= 0);
        Assert.Matches(TimePattern, answer.Text("acquiredAt"));
        Assert.Matches(TimePattern, answer.Text("expiresAt"));
    }

    [Fact]
    public async Task The_owner_is_the_callers_address_if_none_is_given() =>
        Assert.Equal("127.0.0.1", (await AcquireAsync()).Expect(200).Text("owner"));

    [Fact]
    public async Task A_held_lock_tells_who_holds_it_and_when_to_try_again()
    {
        Answer granted = await AcquireAsync("""{"ttlMs":60000,"owner":"first","metadata":{"job":"42"}}""");

        Answer refused = await AcquireAsync();

        refused.ExpectProblem(409, "lock-held");
        JsonNode holder = Assert.Single(refused.Json["holders"]!.AsArray())!;
        Assert.Equal(
            ["owner", "mode", "fencingToken", "acquiredAt", "remainingMs", "metadata"], holder.AsObject().Select(member => member.Key));
        Assert.Equal("first", (string)holder["owner"]!);
        Assert.Equal("exclusive", (string)holder["mode"]!);
        Assert.Equal(granted.Number("fencingToken"), (long)holder["fencingToken"]!);
        Assert.InRange((long)holder["remainingMs"]!, 1, 60_000);
        Assert.Equal("42", (string)holder["metadata"]!["job"]!);
        Assert.Equal(0, refused.Number("queueLength"));
        long retryAfter = refused.Number("retryAfterMs");
        Assert.InRange(retryAfter, 1, 60_000);
        Assert.Equal($"{(retryAfter + 999) / 1000}", refused.Headers["Retry-After"]);
    }

    [Fact]
    public async Task Retry_After_is_at_least_a_second()
    {
        await AcquireAsync("""{"ttlMs":500}""");

        Answer refused = await AcquireAsync();

        Assert.Equal("1", refused.ExpectProblem(409, "lock-held").Headers["Retry-After"]);
    }

    [Fact]
    public async Task A_lock_nobody_holds_is_answered_as_free()
    {
        Answer answer = await fixture.Caller.GetAsync(_lock);

        JsonObject json = answer.Expect(200).Json;
        Assert.Equal(["name", "held", "mode", "holders", "waiters", "queueLength"], json.Select(member => member.Key));
        Assert.False((bool)json["held"]!);
        Assert.Null(json["mode"]);
        Assert.Empty(json["holders"]!.AsArray());
        Assert.Empty(json["waiters"]!.AsArray());
    }

    [Fact]
    public async Task A_lock_shows_its_waiters_and_grants_them_on_release()
    {
        Answer first = await AcquireAsync("""{"owner":"first"}""");
        Task<Answer> waiting = AcquireAsync("""{"waitMs":60000,"owner":"second"}""");
        await WaitersAsync(1);

        Answer state = await fixture.Caller.GetAsync(_lock);
        JsonNode waiter = Assert.Single(state.Json["waiters"]!.AsArray())!;
        Assert.Equal(["position", "owner", "mode", "waitingMs"], waiter.AsObject().Select(member => member.Key));
        Assert.Equal("second", (string)waiter["owner"]!);
        Assert.DoesNotContain(first.Text("leaseId"), state.Body, StringComparison.Ordinal);
        Answer released = await ReleaseAsync(first.Text("leaseId"));
        Assert.Empty(released.Expect(204).Body);
        Answer second = await Eventually.CompletesAsync("the waiter is granted", waiting);

        Assert.True(second.Expect(200).Number("fencingToken") > first.Number("fencingToken"));
        Assert.True(second.Number("waitedMs") > 0);
    }

    [Fact]
    public async Task A_wait_that_runs_out_is_refused_as_held()
    {
        await AcquireAsync();

        Answer refused = await AcquireAsync("""{"waitMs":200}""");

        refused.ExpectProblem(409, "lock-held");
    }

    [Fact]
    public async Task A_client_that_hangs_up_stops_waiting()
    {
        await AcquireAsync();
        using var http = new HttpClient { BaseAddress = fixture.Service.Address };
        using var hangUp = new CancellationTokenSource();
        using var body = new StringContent("""{"waitMs":60000}""", null, "application/json");
        Task<HttpResponseMessage> waiting = http.PostAsync(new Uri($"{_lock}/acquire", UriKind.Relative), body, hangUp.Token);
        await WaitersAsync(1);

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await WaitersAsync(0);
    }

    [Fact]
    public async Task A_renewal_keeps_the_token_and_the_ttl()
    {
        Answer granted = await AcquireAsync("""{"ttlMs":45000,"owner":"first"}""");

        Answer renewed = await RenewAsync(granted.Text("leaseId"));

        Assert.Equal(granted.Json.Select(member => member.Key), renewed.Expect(200).Json.Select(member => member.Key));
        Assert.Equal(granted.Number("fencingToken"), renewed.Number("fencingToken"));
        Assert.Equal(granted.Text("leaseId"), renewed.Text("leaseId"));
        Assert.Equal(45_000, renewed.Number("ttlMs"));
        Assert.Equal("first", renewed.Text("owner"));
    }

    [Fact]
    public async Task A_renewal_may_change_the_ttl()
    {
        Answer granted = await AcquireAsync();

        Answer renewed = await RenewAsync(granted.Text("leaseId"), ""","ttlMs":90000""");

        Assert.Equal(90_000, renewed.Expect(200).Number("ttlMs"));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("../../../zookeeper/quota")]
    [InlineData("/lockservice/locks/x")]
    [InlineData("..")]
    [InlineData("\u00e9\u00e9")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAA.other")]
    [InlineData("7")]
    public async Task A_lease_that_never_was_is_lost(string lease)
    {
        await AcquireAsync();

        (await RenewAsync(lease)).ExpectProblem(410, "lease-lost");
        (await ReleaseAsync(lease)).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task A_fencing_token_is_no_lease()
    {
        Answer granted = await AcquireAsync();

        (await ReleaseAsync($"{granted.Number("fencingToken")}")).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task A_lease_of_another_lock_is_lost()
    {
        Answer other = await fixture.Caller.PostAsync($"/v1/locks/other-{Guid.NewGuid():n}/acquire");
        await AcquireAsync();

        (await ReleaseAsync(other.Text("leaseId"))).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task A_second_release_is_lost_and_leaves_the_successor_alone()
    {
        Answer first = await AcquireAsync();
        (await ReleaseAsync(first.Text("leaseId"))).Expect(204);
        Answer second = await AcquireAsync();

        (await ReleaseAsync(first.Text("leaseId"))).ExpectProblem(410, "lease-lost");

        (await RenewAsync(second.Text("leaseId"))).Expect(200);
    }

    [Fact]
    public async Task A_lease_that_ended_cannot_be_renewed()
    {
        Answer granted = await AcquireAsync("""{"ttlMs":500}""");
        await Eventually.TrueAsync("the lease has ended", async () => !(bool)(await fixture.Caller.GetAsync(_lock)).Json["held"]!);

        (await RenewAsync(granted.Text("leaseId"))).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task More_waiters_than_the_instance_serves_are_told_to_come_back()
    {
        await AcquireAsync("""{"owner":"first"}""");
        using var http = new HttpClient { BaseAddress = fixture.Service.Address };
        var caller = new Caller(http);
        Task<Answer>[] waiting = [.. Enumerable.Range(0, 5).Select(_ => caller.PostAsync($"{_lock}/acquire", """{"waitMs":60000}"""))];
        await WaitersAsync(5);

        Answer refused = await AcquireAsync("""{"waitMs":60000}""");

        refused.ExpectProblem(429, "too-many-waiters");
        Assert.Equal("1", refused.Headers["Retry-After"]);
        http.CancelPendingRequests();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(waiting));
        await WaitersAsync(0);
    }

    [Fact]
    public async Task Ranges_include_their_ends()
    {
        Assert.Equal(HttpStatusCode.OK, (await AcquireAsync("""{"ttlMs":86400000,"waitMs":600000}""")).Status);
        string name = $"/v1/locks/ends-{Guid.NewGuid():n}/acquire";
        Assert.Equal(HttpStatusCode.OK, (await fixture.Caller.PostAsync(name, """{"ttlMs":500,"waitMs":0}""")).Status);
    }

    private Task<Answer> AcquireAsync(string? json = null) => fixture.Caller.PostAsync($"{_lock}/acquire", json);

    private Task<Answer> RenewAsync(string lease, string more = "") => fixture.Caller.PostAsync($"{_lock}/renew", $$"""{"leaseId":"{{lease}}"{{more}}}""");

    private Task<Answer> ReleaseAsync(string lease) => fixture.Caller.PostAsync($"{_lock}/release", $$"""{"leaseId":"{{lease}}"}""");

    private Task WaitersAsync(int count) => Eventually.TrueAsync(
        $"{count} wait", async () => (await fixture.Caller.GetAsync(_lock)).Number("queueLength") == count);
}
