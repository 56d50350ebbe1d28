using System.Text.RegularExpressions;
using LockService.Testing;
using Xunit;

namespace LockService.FaultTests.Controls;

/// <summary>The README's catalogue of faults: that nothing is missing in it, and nothing in it is missing here.</summary>
public sealed partial class CatalogueTests
{
    private static readonly string s_readme = File.ReadAllText(Repository.File("tests/LockService.FaultTests/README.md"));

    private static readonly ILookup<string, string> s_sources = Directory
        .EnumerateFiles(Repository.File("tests"), "*.cs", SearchOption.AllDirectories)
        .ToLookup(file => Path.GetFileNameWithoutExtension(file), File.ReadAllText);

    [Theory]
    [InlineData('Z', 30)]
    [InlineData('S', 18)]
    [InlineData('N', 16)]
    [InlineData('C', 18)]
    [InlineData('B', 16)]
    [InlineData('X', 14)]
    public void Every_fault_has_a_row_and_a_mark(char kind, int count) => Assert.Equal(
        Enumerable.Range(1, count).Select(number => $"{kind}{number}"),
        Row().Matches(s_readme).Select(row => row.Groups["id"].Value).Where(id => id[0] == kind));

    [Fact]
    public void Every_test_and_nemesis_that_is_named_exists()
    {
        (string Type, string Member)[] named = [.. Named().Matches(s_readme).Select(name => (name.Groups["type"].Value, name.Groups["member"].Value)).Distinct()];

        Assert.True(named.Length > 100, $"{named.Length} names were found");
        Assert.All(named, name => Assert.True(
            s_sources[name.Type].Any(text => Regex.IsMatch(text, $@" {name.Member}(\(| \{{)")), $"There is no {name.Type}.{name.Member}."));
    }

    /// <summary>A line of a table: "| Z1 | what is injected | yes, partly or no | why |".</summary>
    [GeneratedRegex(@"^\| (?<id>[A-Z]\d+) \| [^|]+ \| (yes|partly|no) \| ", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"`(?<type>\w+(Tests|Nemeses))\.(?<member>\w+)`")]
    private static partial Regex Named();
}
