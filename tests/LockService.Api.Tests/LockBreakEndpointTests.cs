using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Locks that are broken, and locks that stay closed, as the contract shows them; how that works is tested with the recipe.</summary>
[Collection(SharedService.Name)]
public sealed class LockBreakEndpointTests(ServiceFixture fixture)
{
    private readonly string _name = $"break-{Guid.NewGuid():n}";

    private string Lock => $"/v1/locks/{_name}";

    [Fact]
    public async Task A_broken_holder_learns_it_as_lease_lost_and_the_log_says_who_and_why()
    {
        Answer granted = await AcquireAsync("""{"owner":"billing-7"}""");

        Answer broken = await BreakAsync("?reason=stuck%20since%20noon");

        Assert.Empty(broken.Expect(204).Body);
        (await RenewAsync(granted)).ExpectProblem(410, "lease-lost");
        await Eventually.TrueAsync("the break is logged", () => fixture.Service.LogTail().Contains(_name, StringComparison.Ordinal));
        string line = fixture.Service.LogTail().Split('\n').Single(logged => logged.Contains(_name, StringComparison.Ordinal));
        Assert.All(
            (string[])["Warning", "127.0.0.1", "stuck since noon", "billing-7", $"{granted.Number("fencingToken")}"],
            part => Assert.Contains(part, line, StringComparison.Ordinal));
        Assert.DoesNotContain(granted.Text("leaseId")[..27], line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lock_that_nobody_holds_can_be_broken_without_effect()
    {
        (await BreakAsync()).Expect(204);

        Assert.DoesNotContain(await fixture.Tree.ResourcesAsync(), path => path.Contains(_name, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("?reason=", "reason")]
    [InlineData("?reason=a%0Ab", "reason")]
    [InlineData("?reason=%C2%85", "reason")]
    [InlineData("?reason=a&reason=b", "reason")]
    [InlineData("?why=a", "why")]
    [InlineData("long", "reason")]
    public async Task A_reason_that_is_none_is_refused_and_nothing_is_broken(string query, string member)
    {
        Answer granted = await AcquireAsync();

        Answer refused = await BreakAsync(query == "long" ? $"?reason={new string('r', 201)}" : query);

        refused.ExpectProblem(400, "invalid-request").ExpectErrors(member);
        (await RenewAsync(granted)).Expect(200);
    }

    [Fact]
    public async Task A_reason_may_have_200_characters() => (await BreakAsync($"?reason={new string('r', 200)}")).Expect(204);

    [Fact]
    public async Task A_repeated_break_spares_who_came_later()
    {
        await AcquireAsync();
        (await BreakAsync("?reason=x", "k")).Expect(204);
        Answer later = await AcquireAsync();

        Answer again = await BreakAsync("?reason=x", "k");

        Assert.Equal("true", again.Expect(204).Headers["Idempotency-Replayed"]);
        (await RenewAsync(later)).Expect(200);
        (await BreakAsync("?reason=y", "k")).ExpectProblem(422, "idempotency-mismatch");
    }

    [Fact]
    public async Task A_lock_whose_lease_was_broken_stays_closed_for_its_delay_and_says_so()
    {
        await AcquireAsync("""{"lockDelayMs":60000}""");
        await BreakAsync();

        Answer refused = await AcquireAsync();
        Answer state = await fixture.Caller.GetAsync(Lock);

        refused.ExpectProblem(409, "lock-held");
        Assert.Empty(refused.Json["holders"]!.AsArray());
        Assert.InRange(refused.Number("retryAfterMs"), 1, 60_000);
        Assert.InRange(int.Parse(refused.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture), 1, 60);
        Assert.Contains("closed", refused.Text("detail"), StringComparison.Ordinal);
        Assert.Equal(["name", "held", "mode", "holders", "waiters", "queueLength", "closedMs"], state.Expect(200).Json.Select(member => member.Key));
        Assert.False((bool)state.Json["held"]!);
        Assert.InRange(state.Number("closedMs"), 1, 60_000);
        await BreakAsync();
        (await AcquireAsync()).Expect(200);
    }

    private Task<Answer> AcquireAsync(string? json = null) => fixture.Caller.PostAsync($"{Lock}/acquire", json);

    private Task<Answer> RenewAsync(Answer granted) => fixture.Caller.PostAsync($"{Lock}/renew", $$"""{"leaseId":"{{granted.Text("leaseId")}}"}""");

    private Task<Answer> BreakAsync(string query = "", string? key = null) =>
        fixture.Caller.SendAsync(HttpMethod.Delete, Lock + query, null, key is null ? [] : [("Idempotency-Key", key)]);
}
