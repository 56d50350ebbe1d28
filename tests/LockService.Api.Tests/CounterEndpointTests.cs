using Xunit;

namespace LockService.Api.Tests;

/// <summary>Counters as the contract shows them; how they work is tested with the recipe.</summary>
[Collection(SharedService.Name)]
public sealed class CounterEndpointTests(ServiceFixture fixture)
{
    private readonly string _counter = $"/v1/counters/counter-{Guid.NewGuid():n}";

    [Fact]
    public async Task The_first_increment_creates_the_counter()
    {
        Answer answer = await IncrementAsync();

        Assert.Equal(["name", "value", "previous"], answer.Expect(200).Json.Select(member => member.Key));
        Assert.Equal(1, answer.Number("value"));
        Assert.Equal(0, answer.Number("previous"));
    }

    [Fact]
    public async Task A_block_is_reserved_after_the_initial_value()
    {
        Answer answer = await IncrementAsync("""{"by":10,"initial":100}""");

        Assert.Equal(110, answer.Expect(200).Number("value"));
        Assert.Equal(100, answer.Number("previous"));
    }

    [Fact]
    public async Task A_counter_shows_its_value_and_a_tag_that_changes_with_it()
    {
        await IncrementAsync("""{"by":7}""");

        Answer first = await fixture.Caller.GetAsync(_counter);
        await IncrementAsync();
        Answer second = await fixture.Caller.GetAsync(_counter);

        Assert.Equal(["name", "value", "version", "modifiedAt"], first.Expect(200).Json.Select(member => member.Key));
        Assert.Equal(7, first.Number("value"));
        Assert.Equal($"\"{first.Number("version")}\"", first.Headers["ETag"]);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", first.Text("modifiedAt"));
        Assert.NotEqual(first.Headers["ETag"], second.Headers["ETag"]);
    }

    [Fact]
    public async Task A_counter_that_does_not_exist_is_not_found()
    {
        Answer answer = await fixture.Caller.GetAsync(_counter);

        answer.ExpectProblem(404, "not-found");
        Assert.False(answer.Headers.ContainsKey("ETag"));
    }

    [Theory]
    [InlineData("""{"by":3,"max":6}""")]
    [InlineData("""{"by":-5,"min":0}""")]
    [InlineData("""{"by":9223372036854775807}""")]
    public async Task An_increment_out_of_range_changes_nothing_and_tells_the_value(string json)
    {
        await IncrementAsync("""{"by":4}""");

        Answer refused = await IncrementAsync(json);

        Assert.Equal(4, refused.ExpectProblem(409, "counter-out-of-range").Number("value"));
        Assert.Equal(4, (await fixture.Caller.GetAsync(_counter)).Number("value"));
    }

    [Fact]
    public async Task A_counter_reaches_both_ends_of_64_bits_and_no_further()
    {
        Assert.Equal(long.MaxValue, (await IncrementAsync("""{"by":0,"initial":9223372036854775807}""")).Expect(200).Number("value"));

        Assert.Equal(long.MaxValue, (await IncrementAsync()).ExpectProblem(409, "counter-out-of-range").Number("value"));
        Assert.Equal(-1, (await IncrementAsync("""{"by":-9223372036854775808}""")).Expect(200).Number("value"));
        Assert.Equal(long.MinValue, (await IncrementAsync("""{"by":-9223372036854775807}""")).Expect(200).Number("value"));
    }

    [Fact]
    public async Task A_counter_is_set_with_and_without_conditions()
    {
        Answer created = await PutAsync("""{"value":5}""", ("If-None-Match", "*"));
        Answer refused = await PutAsync("""{"value":6}""", ("If-None-Match", "*"));
        Answer changed = await PutAsync("""{"value":-7}""", ("If-Match", $"\"0\", {created.Headers["ETag"]}"));
        Answer stale = await PutAsync("""{"value":8}""", ("If-Match", created.Headers["ETag"]));
        Answer existing = await PutAsync("""{"value":9}""", ("If-Match", "*"));
        Answer forced = await PutAsync("""{"value":10}""");

        Assert.Equal(["name", "value", "version", "modifiedAt"], created.Expect(200).Json.Select(member => member.Key));
        Assert.Equal($"\"{created.Number("version")}\"", created.Headers["ETag"]);
        refused.ExpectProblem(412, "precondition-failed");
        Assert.Equal(-7, changed.Expect(200).Number("value"));
        stale.ExpectProblem(412, "precondition-failed");
        Assert.False(stale.Headers.ContainsKey("ETag"));
        Assert.Equal(9, existing.Expect(200).Number("value"));
        Assert.Equal(forced.Expect(200).Body, (await fixture.Caller.GetAsync(_counter)).Body);
    }

    [Fact]
    public async Task A_counter_that_does_not_exist_matches_nothing()
    {
        (await PutAsync("""{"value":5}""", ("If-Match", "*"))).ExpectProblem(412, "precondition-failed");
        (await PutAsync("""{"value":5}""", ("If-Match", "\"1\""))).ExpectProblem(412, "precondition-failed");
        (await fixture.Caller.GetAsync(_counter)).Expect(404);
    }

    [Theory]
    [InlineData("W/{0}")]
    [InlineData("\"any\"")]
    [InlineData("\"\"")]
    [InlineData("\"-1\"")]
    public async Task A_tag_that_is_not_the_strong_one_does_not_match(string tag)
    {
        Answer created = await PutAsync("""{"value":5}""");

        (await PutAsync("""{"value":6}""", ("If-Match", string.Format(null, tag, created.Headers["ETag"])))).ExpectProblem(412, "precondition-failed");
    }

    [Theory]
    [InlineData("If-Match", "")]
    [InlineData("If-Match", "5")]
    [InlineData("If-Match", "\"5")]
    [InlineData("If-Match", "\"5\" \"6\"")]
    [InlineData("If-Match", "*, \"5\"")]
    [InlineData("If-None-Match", "\"5\"")]
    [InlineData("If-None-Match", "**")]
    public async Task A_malformed_condition_is_refused(string header, string value)
    {
        await PutAsync("""{"value":5}""");

        (await PutAsync("""{"value":6}""", (header, value))).ExpectProblem(400, "invalid-request").ExpectErrors(header);
        (await DeleteAsync((header, value))).ExpectProblem(400, "invalid-request").ExpectErrors(header);
        Assert.Equal(5, (await fixture.Caller.GetAsync(_counter)).Number("value"));
    }

    [Fact]
    public async Task Conditions_that_cannot_both_hold_are_refused() =>
        (await PutAsync("""{"value":6}""", ("If-Match", "\"1\""), ("If-None-Match", "*"))).ExpectProblem(400, "invalid-request").ExpectErrors("If-None-Match");

    [Theory]
    [InlineData(null)]
    [InlineData("{}")]
    [InlineData("""{"value":null}""")]
    [InlineData("""{"value":1.5}""")]
    [InlineData("""{"value":9223372036854775808}""")]
    public async Task A_setting_needs_a_value_of_64_bits(string? json) =>
        (await PutAsync(json)).ExpectProblem(400, "invalid-request").ExpectErrors("value");

    [Fact]
    public async Task A_removed_counter_does_not_exist_and_comes_back_with_a_higher_version()
    {
        Answer created = await PutAsync("""{"value":5}""");
        (await DeleteAsync(("If-Match", "\"1\""))).ExpectProblem(412, "precondition-failed");

        Assert.Empty((await DeleteAsync(("If-Match", created.Headers["ETag"]))).Expect(204).Body);

        (await fixture.Caller.GetAsync(_counter)).ExpectProblem(404, "not-found");
        (await DeleteAsync()).ExpectProblem(404, "not-found");
        (await DeleteAsync(("If-Match", created.Headers["ETag"]))).ExpectProblem(404, "not-found");
        Assert.Equal(31, (await IncrementAsync("""{"initial":30}""")).Expect(200).Number("value"));
        Assert.True((await fixture.Caller.GetAsync(_counter)).Number("version") > created.Number("version"));
    }

    [Fact]
    public async Task A_list_is_sorted_and_comes_in_pages()
    {
        string prefix = $"list-{Guid.NewGuid():n}";
        foreach (string end in new[] { "c", "a", "b" })
        {
            await fixture.Caller.SendAsync(HttpMethod.Put, $"/v1/counters/{prefix}.{end}", """{"value":1}""");
        }

        Answer first = await fixture.Caller.GetAsync($"/v1/counters?prefix={prefix}&limit=2");
        Answer second = await fixture.Caller.GetAsync($"/v1/counters?prefix={prefix}&limit=2&after={first.Expect(200).Text("next")}");

        Assert.Equal(["items", "next"], first.Json.Select(member => member.Key));
        Assert.Equal([$"{prefix}.a", $"{prefix}.b"], NamesIn(first));
        Assert.Equal($"{prefix}.b", first.Text("next"));
        Assert.Equal([$"{prefix}.c"], NamesIn(second));
        Assert.Contains("\"next\":null", second.Body, StringComparison.Ordinal);
        Assert.Equal((await fixture.Caller.GetAsync($"/v1/counters/{prefix}.c")).Body, second.Json["items"]![0]!.ToJsonString());
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("limit=1&limit=2", "limit")]
    [InlineData("prefix=a%20b", "prefix")]
    [InlineData("after=.a", "after")]
    [InlineData("Prefix=a", "Prefix")]
    [InlineData("perfix=a", "perfix")]
    public async Task A_malformed_query_is_refused(string query, string parameter) =>
        (await fixture.Caller.GetAsync($"/v1/counters?{query}")).ExpectProblem(400, "invalid-request").ExpectErrors(parameter);

    [Fact]
    public async Task Query_parameters_are_for_lists_alone() =>
        (await fixture.Caller.GetAsync($"{_counter}?limit=1")).ExpectProblem(400, "invalid-request").ExpectErrors("limit");

    [Fact]
    public async Task HEAD_answers_like_GET_without_a_body()
    {
        await PutAsync("""{"value":5}""");
        Answer got = await fixture.Caller.GetAsync(_counter);

        Answer head = await fixture.Caller.SendAsync(HttpMethod.Head, _counter, null);

        Assert.Empty(head.Expect(200).Body);
        Assert.Equal(got.Headers["ETag"], head.Headers["ETag"]);
        (await fixture.Caller.SendAsync(HttpMethod.Head, "/v1/counters", null)).Expect(200);
        (await fixture.Caller.SendAsync(HttpMethod.Head, $"{_counter}x", null)).Expect(404);
    }

    [Fact]
    public async Task A_wrong_method_is_told_all_the_right_ones()
    {
        Answer answer = await fixture.Caller.PostAsync(_counter);

        answer.ExpectProblem(405, "method-not-allowed");
        Assert.Equal(["DELETE", "GET", "HEAD", "PUT"], answer.Headers["Allow"].Split(", ").Order(StringComparer.Ordinal));
    }

    private static IEnumerable<string> NamesIn(Answer list) => list.Json["items"]!.AsArray().Select(item => (string)item!["name"]!);

    private Task<Answer> PutAsync(string? json, params (string Name, string Value)[] headers) =>
        fixture.Caller.SendAsync(HttpMethod.Put, _counter, json, headers);

    private Task<Answer> DeleteAsync(params (string Name, string Value)[] headers) =>
        fixture.Caller.SendAsync(HttpMethod.Delete, _counter, null, headers);

    private Task<Answer> IncrementAsync(string? json = null) => fixture.Caller.PostAsync($"{_counter}/increment", json);
}
