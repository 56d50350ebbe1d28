using LockService.Api.Problems;
using LockService.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Lists, proofs of holding and leases as the contract shows them; how they work is tested with the recipe.</summary>
[Collection(SharedService.Name)]
public sealed class LeaseEndpointTests(ServiceFixture fixture)
{
    private readonly string _name = $"lease-{Guid.NewGuid():n}";

    private string Lock => $"/v1/locks/{_name}";

    [Fact]
    public async Task A_page_of_held_locks_has_the_contracts_shape()
    {
        Answer granted = await AcquireAsync("""{"owner":"me","metadata":{"job":"42"}}""");
        await fixture.Caller.PostAsync($"{Lock}.2/acquire");

        Answer page = await fixture.Caller.GetAsync($"/v1/locks?prefix={_name}&limit=1");
        Answer next = await fixture.Caller.GetAsync($"/v1/locks?prefix={_name}&after={_name}");

        Assert.Equal(["items", "next"], page.Expect(200).Json.Select(member => member.Key));
        Assert.Equal(_name, page.Text("next"));
        var item = Assert.Single(page.Json["items"]!.AsArray())!.AsObject();
        Assert.Equal(["name", "held", "mode", "holders", "queueLength"], item.Select(member => member.Key));
        var holder = Assert.Single(item["holders"]!.AsArray())!.AsObject();
        Assert.Equal(["owner", "mode", "fencingToken", "acquiredAt", "remainingMs", "metadata"], holder.Select(member => member.Key));
        Assert.Equal(granted.Number("fencingToken"), (long)holder["fencingToken"]!);
        Assert.Equal($"{_name}.2", (string)Assert.Single(next.Json["items"]!.AsArray())!["name"]!);
        Assert.True(next.Json.ContainsKey("next") && next.Json["next"] is null);
        Assert.DoesNotContain(granted.Text("leaseId"), page.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("prefix=a%20b", "prefix")]
    [InlineData("after=..", "after")]
    [InlineData("held=true", "held")]
    [InlineData("limit=1&limit=2", "limit")]
    public async Task A_page_that_makes_no_sense_is_refused(string query, string member) =>
        (await fixture.Caller.GetAsync($"/v1/locks?{query}")).ExpectProblem(400, "invalid-request").ExpectErrors(member);

    [Fact]
    public async Task A_hold_is_verified_by_token_or_lease()
    {
        Answer granted = await AcquireAsync();

        Answer byToken = await VerifyAsync($$"""{"fencingToken":{{granted.Number("fencingToken")}}}""");
        Answer byLease = await VerifyAsync($$"""{"leaseId":"{{granted.Text("leaseId")}}"}""");
        Answer wrong = await VerifyAsync($$"""{"fencingToken":{{granted.Number("fencingToken") - 1}}}""");

        Assert.Equal("""{"valid":true}""", byToken.Expect(200).Body);
        Assert.Equal("""{"valid":true}""", byLease.Expect(200).Body);
        Assert.Equal("""{"valid":false}""", wrong.Expect(200).Body);
        await fixture.Caller.PostAsync($"{Lock}/release", $$"""{"leaseId":"{{granted.Text("leaseId")}}"}""");
        Assert.Equal("""{"valid":false}""", (await VerifyAsync($$"""{"leaseId":"{{granted.Text("leaseId")}}"}""")).Expect(200).Body);
    }

    [Theory]
    [InlineData(null, "fencingToken")]
    [InlineData("{}", "fencingToken")]
    [InlineData("""{"fencingToken":1,"leaseId":"x"}""", "fencingToken")]
    [InlineData("""{"fencingToken":null}""", "fencingToken")]
    [InlineData("""{"fencingToken":"1"}""", "fencingToken")]
    [InlineData("""{"fencingToken":1.5}""", "fencingToken")]
    [InlineData("""{"leaseId":""}""", "leaseId")]
    [InlineData("""{"leaseId":null}""", "leaseId")]
    [InlineData("""{"leaseId":"a\n"}""", "leaseId")]
    [InlineData("""{"token":1,"leaseId":"x"}""", "token")]
    public async Task Nothing_to_verify_or_too_much_is_refused(string? body, string member) =>
        (await VerifyAsync(body)).ExpectProblem(400, "invalid-request").ExpectErrors(member);

    [Fact]
    public async Task A_lease_is_looked_up_in_the_contracts_shape_until_it_ends()
    {
        Answer granted = await AcquireAsync("""{"ttlMs":45000,"mode":"shared","owner":"me","metadata":{"job":"42"}}""");
        string path = $"/v1/leases/{granted.Text("leaseId")}";

        Answer lease = await fixture.Caller.GetAsync(path);

        Assert.Equal(
            ["kind", "names", "owner", "mode", "fencingToken", "remainingMs", "ttlMs", "acquiredAt", "metadata"],
            lease.Expect(200).Json.Select(member => member.Key));
        Assert.Equal(
            ("lock", _name, "me", "shared", 45_000, "42"),
            (lease.Text("kind"), (string)lease.Json["names"]![0]!, lease.Text("owner"), lease.Text("mode"), lease.Number("ttlMs"), (string)lease.Json["metadata"]!["job"]!));
        Assert.Equal(granted.Number("fencingToken"), lease.Number("fencingToken"));
        Assert.Equal(granted.Text("acquiredAt"), lease.Text("acquiredAt"));
        Assert.InRange(lease.Number("remainingMs"), 1, 45_000);
        await fixture.Caller.PostAsync($"{Lock}/release", $$"""{"leaseId":"{{granted.Text("leaseId")}}"}""");
        (await fixture.Caller.GetAsync(path)).ExpectProblem(410, "lease-lost");
    }

    [Theory]
    [InlineData("x")]
    [InlineData("a%2Fb")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAA.report")]
    [InlineData("%20")]
    public async Task A_lease_that_never_was_is_lost(string lease) =>
        (await fixture.Caller.GetAsync($"/v1/leases/{lease}")).ExpectProblem(410, "lease-lost");

    [Theory]
    [InlineData("a%0Ab")]
    [InlineData("long")]
    public async Task A_text_that_can_be_no_lease_is_refused(string lease) =>
        (await fixture.Caller.GetAsync($"/v1/leases/{(lease == "long" ? new string('x', 513) : lease)}")).ExpectProblem(400, "invalid-request").ExpectErrors("leaseId");

    [Fact]
    public async Task No_lease_id_gets_into_the_log()
    {
        Answer granted = await AcquireAsync();
        await fixture.Caller.GetAsync($"/v1/leases/{granted.Text("leaseId")}");
        await fixture.Caller.GetAsync($"/v1/leases/{granted.Text("leaseId")}/none");

        Assert.DoesNotContain(granted.Text("leaseId"), fixture.Service.LogTail(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_look_at_a_lease_is_logged_without_its_id()
    {
        var log = new RecordingLogger<ProblemMapper>();
        var context = new DefaultHttpContext();
        context.Request.Path = "/v1/leases/secret";
        context.Request.RouteValues["leaseId"] = "secret";
        context.SetEndpoint(new RouteEndpoint(_ => Task.CompletedTask, RoutePatternFactory.Parse("/v1/leases/{leaseId}"), 0, null, null));

        new ProblemMapper(log).FromException(context, new InvalidOperationException("A defect."));

        (_, string line) = Assert.Single(log.Lines);
        Assert.Contains("/v1/leases/{leaseId}", line, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_holder_that_names_its_lease_gets_it_back()
    {
        Answer granted = await AcquireAsync("""{"owner":"me"}""");
        string lease = granted.Text("leaseId");

        Answer again = await AcquireAsync($$"""{"leaseId":"{{lease}}","ttlMs":60000}""");

        Assert.Equal(granted.Json.Select(member => member.Key), again.Expect(200).Json.Select(member => member.Key));
        Assert.Equal((lease, granted.Number("fencingToken"), "me", 60_000), (again.Text("leaseId"), again.Number("fencingToken"), again.Text("owner"), again.Number("ttlMs")));
        (await AcquireAsync($$"""{"leaseId":"{{lease}}","mode":"shared"}""")).ExpectProblem(400, "invalid-request").ExpectErrors("mode");
        (await AcquireAsync("""{"leaseId":"x"}""")).ExpectProblem(410, "lease-lost");
        (await fixture.Caller.PostAsync($"{Lock}/release", $$"""{"leaseId":"{{lease}}"}""")).Expect(204);
        (await AcquireAsync($$"""{"leaseId":"{{lease}}"}""")).ExpectProblem(410, "lease-lost");
    }

    [Fact]
    public async Task A_lease_that_may_be_held_for_so_long_is_shortened_to_that()
    {
        Answer granted = await AcquireAsync("""{"ttlMs":30000,"maxHoldMs":5000}""");

        Answer renewed = await fixture.Caller.PostAsync($"{Lock}/renew", $$"""{"leaseId":"{{granted.Text("leaseId")}}","ttlMs":60000}""");

        Assert.Equal(5_000, granted.Expect(200).Number("ttlMs"));
        Assert.InRange(renewed.Expect(200).Number("ttlMs"), 1, 5_000);
    }

    [Fact]
    public async Task A_refusal_tells_all_who_hold_the_lock_and_how_many_wait()
    {
        Answer[] held = [await AcquireAsync("""{"mode":"shared","owner":"a","ttlMs":60000}"""), await AcquireAsync("""{"mode":"shared","owner":"b","ttlMs":40000}""")];
        Task<Answer> waiting = AcquireAsync("""{"waitMs":60000}""");
        await Eventually.TrueAsync("one waits", async () => (await fixture.Caller.GetAsync(Lock)).Number("queueLength") == 1);

        Answer refused = await AcquireAsync();

        refused.ExpectProblem(409, "lock-held");
        var holders = refused.Json["holders"]!.AsArray();
        Assert.Equal(["a", "b"], holders.Select(holder => (string)holder!["owner"]!));
        Assert.Equal(held.Select(one => one.Text("acquiredAt")), holders.Select(holder => (string)holder!["acquiredAt"]!));
        Assert.Equal(held.Select(one => one.Number("fencingToken")), holders.Select(holder => (long)holder!["fencingToken"]!));
        Assert.All(holders, holder => Assert.Equal("shared", (string)holder!["mode"]!));
        Assert.Equal(1, refused.Number("queueLength"));
        Assert.InRange(refused.Number("retryAfterMs"), 1, 40_000);
        foreach (Answer one in held)
        {
            await fixture.Caller.PostAsync($"{Lock}/release", $$"""{"leaseId":"{{one.Text("leaseId")}}"}""");
        }

        (await waiting).Expect(200);
    }

    private Task<Answer> AcquireAsync(string? json = null) => fixture.Caller.PostAsync($"{Lock}/acquire", json);

    private Task<Answer> VerifyAsync(string? json) => fixture.Caller.PostAsync($"{Lock}/verify", json);
}
