using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Xunit;

namespace LockService.Conventions.Tests;

/// <summary>Files that no compiler reads.</summary>
public sealed partial class BuildFileTests
{
    [Fact]
    public void Package_versions_are_pinned_exactly() => Loose(Repository.File("Directory.Packages.props")).ShouldBeNone();

    [Theory]
    [InlineData("1.2.3")]
    [InlineData("[1.2.3,)")]
    [InlineData("[1.*]")]
    public void A_loose_version_is_found(string version) =>
        Loose(Sample($"<PackageVersion Include=\"A\" Version=\"{version}\" />")).ShouldBeOneAtLine(2);

    [Fact]
    public void Projects_leave_versions_to_the_central_file() =>
        Repository.Files.Where(file => file.Path.EndsWith(".csproj", StringComparison.Ordinal)).SelectMany(OwnVersion).ShouldBeNone();

    [Theory]
    [InlineData("Version")]
    [InlineData("VersionOverride")]
    public void A_version_in_a_project_is_found(string attribute) =>
        OwnVersion(Sample($"<PackageReference Include=\"A\" {attribute}=\"1.2.3\" />")).ShouldBeOneAtLine(2);

    [Fact]
    public void No_file_names_a_directory_of_somebodys_machine() => Repository.Files.SelectMany(MachinePaths).ShouldBeNone();

    [Theory]
    [InlineData("see /" + "home/ada/src")]
    [InlineData("\"/" + "work/main\"")]
    [InlineData("cd /" + "tmp/wt/x")]
    [InlineData("cd /" + "farm/x")]
    [InlineData(@"C:\" + @"Users\ada")]
    public void A_machines_path_is_found(string text) => MachinePaths(new SourceFile("a.md", "\n" + text)).ShouldBeOneAtLine(2);

    [Theory]
    [InlineData("https://example.org/work/1")]
    [InlineData("the queue /jobs/work/1")]
    [InlineData("mktemp -d /tmp/x")]
    public void Other_paths_are_not(string text) => MachinePaths(new SourceFile("a.md", text)).ShouldBeNone();

    private static SourceFile Sample(string item) => new("a.props", $"<Project>\n{item}\n</Project>");

    private static IEnumerable<Finding> Loose(SourceFile file) =>
        Attributes(file, "PackageVersion", "Version")
            .Where(version => !ExactVersion().IsMatch(version.Value))
            .Select(version => new Finding(file.Path, version.Line, $"{version.Value} is not one version. Write it as [1.2.3]."));

    private static IEnumerable<Finding> OwnVersion(SourceFile file) =>
        Attributes(file, "PackageReference", "Version").Concat(Attributes(file, "PackageReference", "VersionOverride"))
            .Select(version => new Finding(file.Path, version.Line, "A package's version belongs in Directory.Packages.props."));

    private static IEnumerable<Finding> MachinePaths(SourceFile file) =>
        file.LinesWhere(MachinePath().IsMatch, "This is a path on somebody's machine. Others do not have it.");

    private static IEnumerable<(string Value, int Line)> Attributes(SourceFile file, string element, string attribute) =>
        XDocument.Parse(file.Text, LoadOptions.SetLineInfo).Descendants(element)
            .Select(item => (item.Attribute(attribute)?.Value!, ((IXmlLineInfo)item).LineNumber))
            .Where(item => item.Item1 is not null);

    [GeneratedRegex(@"^\[\d+(\.\d+)+(-[0-9A-Za-z.-]+)?\]$")]
    private static partial Regex ExactVersion();

    [GeneratedRegex(@"(?<![\w.~$}*/-])/(home|Users|work|farm|tmp/wt)/\w|\b[A-Z]:\\Users\\")]
    private static partial Regex MachinePath();
}
