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

    private Task<Answer> IncrementAsync(string? json = null) => fixture.Caller.PostAsync($"{_counter}/increment", json);
}
