using System.Text.Json.Nodes;
using LockService.Contracts;
using LockService.Recipes;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Leases on several locks as the contract shows them; how they work is tested with the recipe.</summary>
[Collection(SharedService.Name)]
public sealed class MultiLockEndpointTests(ServiceFixture fixture)
{
    private const string TimePattern = @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$";

    private readonly string _a = $"a-{Guid.NewGuid():n}";
    private readonly string _b = $"b-{Guid.NewGuid():n}";

    [Fact]
    public async Task A_grant_has_the_contracts_shape()
    {
        Answer answer = await AcquireAsync(""","ttlMs":45000,"owner":"Jörg 7","metadata":{"job":"42"}""");

        Assert.Equal(
            ["locks", "leaseId", "fencingToken", "owner", "ttlMs", "waitedMs", "acquiredAt", "expiresAt"],
            answer.Expect(200).Json.Select(member => member.Key));
        JsonObject[] locks = [.. answer.Json["locks"]!.AsArray().Select(one => one!.AsObject())];
        Assert.All(locks, one => Assert.Equal(["name", "mode", "fencingToken"], one.Select(member => member.Key)));
        Assert.Equal([(_a, "exclusive"), (_b, "shared")], locks.Select(one => ((string)one["name"]!, (string)one["mode"]!)));
        Assert.All(locks, one => Assert.Equal(answer.Number("fencingToken"), (long)one["fencingToken"]!));
        Assert.Equal(45_000, answer.Number("ttlMs"));
        Assert.Equal("Jörg 7", answer.Text("owner"));
        Assert.Matches(TimePattern, answer.Text("acquiredAt"));
        Assert.Matches(TimePattern, answer.Text("expiresAt"));
        Assert.True(answer.Number("waitedMs") >= 0);
    }

    [Fact]
    public async Task Each_lock_shows_the_holder_and_not_the_lease()
    {
        Answer granted = await AcquireAsync(""","ttlMs":60000,"metadata":{"job":"42"}""");

        foreach (string name in new[] { _a, _b })
        {
            Answer state = await fixture.Caller.GetAsync($"/v1/locks/{name}");
            JsonNode holder = Assert.Single(state.Expect(200).Json["holders"]!.AsArray())!;
            Assert.Equal(
                ["owner", "mode", "fencingToken", "acquiredAt", "remainingMs", "metadata"], holder.AsObject().Select(member => member.Key));
            Assert.Equal("127.0.0.1", (string)holder["owner"]!);
            Assert.Equal(granted.Number("fencingToken"), (long)holder["fencingToken"]!);
            Assert.InRange((long)holder["remainingMs"]!, 30_000, 60_000);
            Assert.Equal("42", (string)holder["metadata"]!["job"]!);
            Assert.DoesNotContain(granted.Text("leaseId"), state.Body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Locks_that_are_not_all_free_tell_who_holds_which_and_when_to_try_again()
    {
        Answer other = await fixture.Caller.PostAsync($"/v1/locks/{_b}/acquire", """{"ttlMs":60000,"owner":"first"}""");

        Answer refused = await AcquireAsync("");

        refused.ExpectProblem(409, "lock-held");
        JsonNode holder = Assert.Single(refused.Json["holders"]!.AsArray())!;
        Assert.Equal(
            ["owner", "mode", "fencingToken", "acquiredAt", "remainingMs", "metadata", "name"], holder.AsObject().Select(member => member.Key));
        Assert.Equal((_b, "first"), ((string)holder["name"]!, (string)holder["owner"]!));
        Assert.Equal(other.Number("fencingToken"), (long)holder["fencingToken"]!);
        Assert.Equal(0, refused.Number("queueLength"));
        Assert.InRange(refused.Number("retryAfterMs"), 1, 60_000);
        Assert.NotEmpty(refused.Headers["Retry-After"]);
        Assert.False((bool)(await fixture.Caller.GetAsync($"/v1/locks/{_a}")).Json["held"]!);
    }

    [Fact]
    public async Task A_client_that_hangs_up_stops_waiting_for_all()
    {
        await fixture.Caller.PostAsync($"/v1/locks/{_a}/acquire");
        using var http = new HttpClient { BaseAddress = fixture.Service.Address };
        using var hangUp = new CancellationTokenSource();
        using var body = new StringContent(Body(""","waitMs":60000"""), null, "application/json");
        Task<HttpResponseMessage> waiting = http.PostAsync(new Uri("/v1/multilocks/acquire", UriKind.Relative), body, hangUp.Token);
        await WaitersAsync(1);

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await WaitersAsync(0);
        Answer free = await fixture.Caller.GetAsync($"/v1/locks/{_b}");
        Assert.Equal(0, free.Number("queueLength"));
    }

    [Fact]
    public async Task The_lease_is_renewed_and_released_as_one_and_by_its_own_endpoints_only()
    {
        Answer granted = await AcquireAsync(""","ttlMs":45000""");
        string lease = $$"""{"leaseId":"{{granted.Text("leaseId")}}"}""";
        foreach (string verb in new[] { "renew", "release" })
        {
            (await fixture.Caller.PostAsync($"/v1/locks/{_a}/{verb}", lease)).ExpectProblem(410, "lease-lost");
            (await fixture.Caller.PostAsync($"/v1/locks/{_b}/{verb}", lease)).ExpectProblem(410, "lease-lost");
        }

        Answer renewed = await fixture.Caller.PostAsync("/v1/multilocks/renew", lease);
        Answer longer = await fixture.Caller.PostAsync("/v1/multilocks/renew", $$"""{"leaseId":"{{granted.Text("leaseId")}}","ttlMs":90000}""");
        Answer released = await fixture.Caller.PostAsync("/v1/multilocks/release", lease);

        Assert.Equal(granted.Json.Select(member => member.Key), renewed.Expect(200).Json.Select(member => member.Key));
        Assert.Equal(granted.Json["locks"]!.ToJsonString(), renewed.Json["locks"]!.ToJsonString());
        Assert.Equal((45_000, 0), (renewed.Number("ttlMs"), renewed.Number("waitedMs")));
        Assert.Equal(90_000, longer.Expect(200).Number("ttlMs"));
        Assert.Empty(released.Expect(204).Body);
        (await fixture.Caller.PostAsync("/v1/multilocks/release", lease)).ExpectProblem(410, "lease-lost");
        (await fixture.Caller.PostAsync("/v1/multilocks/renew", lease)).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task The_lease_can_be_looked_up()
    {
        Answer granted = await AcquireAsync("");

        Answer lease = await fixture.Caller.GetAsync($"/v1/leases/{granted.Text("leaseId")}");

        Assert.Equal(
            ["kind", "names", "owner", "fencingToken", "remainingMs", "ttlMs", "acquiredAt", "metadata", "locks"],
            lease.Expect(200).Json.Select(member => member.Key));
        Assert.Equal("multilock", lease.Text("kind"));
        Assert.Equal([_a, _b], lease.Json["names"]!.AsArray().Select(name => (string)name!));
        Assert.Equal(granted.Json["locks"]!.ToJsonString(), lease.Json["locks"]!.ToJsonString());
    }

    [Fact]
    public async Task A_lease_of_a_single_lock_is_none_of_several()
    {
        Answer single = await fixture.Caller.PostAsync($"/v1/locks/{_a}/acquire");
        string lease = $$"""{"leaseId":"{{single.Text("leaseId")}}"}""";

        (await fixture.Caller.PostAsync("/v1/multilocks/renew", lease)).ExpectProblem(410, "lease-lost");
        (await fixture.Caller.PostAsync("/v1/multilocks/release", lease)).ExpectProblem(410, "lease-lost");

        (await fixture.Caller.PostAsync($"/v1/locks/{_a}/renew", lease)).Expect(200);
    }

    [Fact]
    public async Task A_repetition_with_its_key_is_answered_again()
    {
        string key = Guid.NewGuid().ToString();
        Answer first = await fixture.Caller.PostAsync("/v1/multilocks/acquire", Body(""), ("Idempotency-Key", key));

        Answer again = await fixture.Caller.PostAsync("/v1/multilocks/acquire", Body(""), ("Idempotency-Key", key));
        Answer mismatch = await fixture.Caller.PostAsync("/v1/multilocks/acquire", Body(""","ttlMs":1000"""), ("Idempotency-Key", key));

        Assert.Equal("true", again.Expect(200).Headers["Idempotency-Replayed"]);
        Assert.Equal(first.Text("leaseId"), again.Text("leaseId"));
        mismatch.ExpectProblem(422, "idempotency-mismatch");
    }

    [Theory]
    [InlineData("{}", "locks")]
    [InlineData("""{"locks":[]}""", "locks")]
    [InlineData("""{"locks":null}""", "locks")]
    [InlineData("""{"locks":{}}""", "locks")]
    [InlineData("""{"locks":[null]}""", "locks[0]")]
    [InlineData("""{"locks":["a"]}""", "locks[0]")]
    [InlineData("""{"locks":[{}]}""", "locks[0].name")]
    [InlineData("""{"locks":[{"name":null}]}""", "locks[0].name")]
    [InlineData("""{"locks":[{"name":"a"},{"name":".b"},{"name":"c/d"}]}""", "locks[1].name", "locks[2].name")]
    [InlineData("""{"locks":[{"name":"a"},{"name":"b"},{"name":"a","mode":"shared"}]}""", "locks[2].name")]
    [InlineData("""{"locks":[{"name":"a","mode":"write"}]}""", "locks[0].mode")]
    [InlineData("""{"locks":[{"name":"a","ttlMs":1000}]}""", "locks[0].ttlMs")]
    [InlineData("""{"locks":[{"name":"a"}],"ttlMs":499,"waitMs":-1,"owner":"","metadata":{"k":null}}""", "ttlMs", "waitMs", "owner", "metadata.k")]
    [InlineData("""{"locks":[{"name":"a"}],"mode":"shared"}""", "mode")]
    public async Task What_is_wrong_is_told_and_nothing_is_done(string json, params string[] errors)
    {
        Answer answer = await fixture.Caller.PostAsync("/v1/multilocks/acquire", json);

        answer.ExpectProblem(400, "invalid-request").ExpectErrors(errors);
    }

    [Fact]
    public async Task As_many_locks_are_taken_as_the_document_says_and_no_more()
    {
        string[] names = [.. Enumerable.Range(0, MultiAcquireRequest.MaxLocks + 1).Select(i => $"{Guid.NewGuid():n}-{i}")];

        (await PostAsync(names)).ExpectProblem(400, "invalid-request").ExpectErrors("locks");
        (await PostAsync(names[1..])).Expect(200);

        Assert.Equal(MultiLocks.MaxLocks, MultiAcquireRequest.MaxLocks);

        Task<Answer> PostAsync(string[] locks) => fixture.Caller.PostAsync(
            "/v1/multilocks/acquire", $$"""{"locks":[{{string.Join(',', locks.Select(name => $$"""{"name":"{{name}}"}"""))}}]}""");
    }

    [Theory]
    [InlineData("a")]
    [InlineData("A-Z.a_z:0@9~")]
    [InlineData("")]
    [InlineData(".a")]
    [InlineData("a/b")]
    [InlineData("a b")]
    [InlineData("ä")]
    [InlineData("a\n")]
    public void The_contract_and_the_recipes_take_the_same_names(string name)
    {
        Assert.Equal(ResourceName.IsValid(name), ResourceNames.IsValid(name));
        Assert.Equal(ResourceName.IsValid(name.PadRight(200, 'x')), ResourceNames.IsValid(name.PadRight(200, 'x')));
        Assert.False(ResourceNames.IsValid(name.PadRight(201, 'x')));
        Assert.Equal(ResourceName.MaxLength, ResourceNames.MaxLength);
    }

    private Task<Answer> AcquireAsync(string more) => fixture.Caller.PostAsync("/v1/multilocks/acquire", Body(more));

    private string Body(string more) => $$"""{"locks":[{"name":"{{_b}}","mode":"shared"},{"name":"{{_a}}"}]{{more}}}""";

    private Task WaitersAsync(int count) => Eventually.TrueAsync(
        $"{count} wait", async () => (await fixture.Caller.GetAsync($"/v1/locks/{_a}")).Number("queueLength") == count);
}
