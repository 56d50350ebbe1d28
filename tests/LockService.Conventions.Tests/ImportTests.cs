using System.Xml.Linq;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace LockService.Conventions.Tests;

/// <summary>Who may know whom: between projects, and between the folders of the wire client.</summary>
public sealed class ImportTests
{
    /// <summary>The project references each project may have. A new project needs a place here.</summary>
    private static readonly Dictionary<string, string[]> s_projects = new()
    {
        ["LockService.ZooKeeper"] = [],
        ["LockService.Contracts"] = [],
        ["LockService.Recipes"] = ["LockService.ZooKeeper"],
        ["LockService.Api"] = ["LockService.Recipes", "LockService.Contracts"],
        ["LockService.Client"] = ["LockService.Contracts"],
        ["LockService.Cli"] = ["LockService.Client"],
    };

    /// <summary>
    /// The namespaces that must not be known in a folder. The wire client's layers are Session, Transport and Protocol, from the top.
    /// </summary>
    private static readonly (string Path, string[] Forbidden)[] s_namespaces =
    [
        ("src/LockService.ZooKeeper/Protocol/", ["LockService.ZooKeeper.Session", "LockService.ZooKeeper.Transport"]),
        ("src/LockService.ZooKeeper/Transport/", ["LockService.ZooKeeper.Session"]),
        ("src/LockService.ZooKeeper/*", ["LockService.ZooKeeper.Transport"]),
        ("src/LockService.ZooKeeper/", ["LockService.Recipes", "Microsoft.AspNetCore", "Microsoft.Extensions.Hosting"]),
        ("src/LockService.Recipes/", ["Microsoft.AspNetCore", "Microsoft.Extensions.Hosting"]),
        ("src/LockService.Contracts/", ["Microsoft.AspNetCore", "LockService.ZooKeeper", "LockService.Recipes"]),
        // The settings name the ensemble; nothing else in the service knows what is behind the recipes.
        ("src/LockService.Api/*", ["LockService.ZooKeeper"]),
        ("src/LockService.Api/Requests/", ["LockService.ZooKeeper"]),
        ("src/LockService.Api/Problems/", ["LockService.ZooKeeper"]),
        ("src/LockService.Api/OpenApi/", ["LockService.ZooKeeper"]),
    ];

    [Fact]
    public void Projects_reference_each_other_one_way() => Repository.Projects.SelectMany(WrongReferences).ShouldBeNone();

    [Fact]
    public void A_reference_the_other_way_is_found() =>
        WrongReferences(Project("LockService.Recipes", """<ProjectReference Include="../LockService.Api/LockService.Api.csproj" />"""))
            .ShouldBeOneAtLine(3);

    [Fact]
    public void A_project_without_a_place_is_found() => WrongReferences(Project("LockService.Extras", "")).ShouldBeOneAtLine(1);

    [Fact]
    public void Contracts_depend_on_nothing() =>
        Dependencies(Repository.File("src/LockService.Contracts/LockService.Contracts.csproj")).ShouldBeNone();

    [Fact]
    public void A_dependency_of_the_contracts_is_found() =>
        Dependencies(Project("LockService.Contracts", """<PackageReference Include="Polly.Core" />""")).ShouldBeOneAtLine(3);

    [Fact]
    public void Lower_layers_do_not_know_higher_ones() => Repository.Product.SelectMany(WrongNamespaces).ShouldBeNone();

    [Theory]
    [InlineData("src/LockService.ZooKeeper/Protocol/A.cs", "using LockService.ZooKeeper.Session;")]
    [InlineData("src/LockService.ZooKeeper/Protocol/A.cs", "class A { Transport.ServerList? x; }")]
    [InlineData("src/LockService.ZooKeeper/Transport/A.cs", "class A { object x = new LockService.ZooKeeper.Session.WatchTable(); }")]
    [InlineData("src/LockService.ZooKeeper/A.cs", "global using LockService.ZooKeeper.Transport;")]
    [InlineData("src/LockService.Recipes/Locking/A.cs", "using Microsoft.AspNetCore.Http;")]
    [InlineData("src/LockService.Api/LockEndpoints.cs", "using static LockService.ZooKeeper.NodePath;")]
    public void Knowledge_of_a_higher_layer_is_found(string path, string text) =>
        WrongNamespaces(new SourceFile(path, text)).ShouldBeOneAtLine(1);

    [Theory]
    [InlineData("src/LockService.ZooKeeper/Session/A.cs", "using LockService.ZooKeeper.Transport;")]
    [InlineData("src/LockService.ZooKeeper/Transport/A.cs", "using LockService.ZooKeeper.Protocol;")]
    [InlineData("src/LockService.ZooKeeper/ZooKeeperClient.cs", "using LockService.ZooKeeper.Session;")]
    [InlineData("src/LockService.Api/Hosting/SettingsReader.cs", "using LockService.ZooKeeper;")]
    public void Knowledge_of_a_lower_layer_is_allowed(string path, string text) =>
        WrongNamespaces(new SourceFile(path, text)).ShouldBeNone();

    private static SourceFile Project(string name, string item) =>
        new($"src/{name}/{name}.csproj", $"<Project>\n  <ItemGroup>\n    {item}\n  </ItemGroup>\n</Project>\n");

    private static IEnumerable<Finding> WrongReferences(SourceFile project)
    {
        if (!s_projects.TryGetValue(project.Project, out string[]? allowed))
        {
            return [new Finding(project.Path, 1, "This project has no place among the import directions. Give it one in ImportTests.")];
        }

        return Items(project, "ProjectReference")
            .Select(item => (Name: Path.GetFileNameWithoutExtension(item.Include.Replace('\\', '/')), item.Line))
            .Where(reference => !allowed.Contains(reference.Name))
            .Select(reference => new Finding(project.Path, reference.Line, $"{project.Project} must not reference {reference.Name}."));
    }

    private static IEnumerable<Finding> Dependencies(SourceFile project) =>
        Items(project, "ProjectReference", "PackageReference", "FrameworkReference")
            .Select(item =>
                new Finding(project.Path, item.Line, $"{project.Project} must not depend on {item.Include}: every client would, too."));

    private static IEnumerable<(string Include, int Line)> Items(SourceFile project, params string[] kinds) =>
        XDocument.Parse(project.Text, LoadOptions.SetLineInfo).Descendants()
            .Where(element => kinds.Contains(element.Name.LocalName))
            .Select(element => (element.Attribute("Include")!.Value, ((System.Xml.IXmlLineInfo)element).LineNumber));

    private static IEnumerable<Finding> WrongNamespaces(SourceFile file) =>
        from rule in s_namespaces
        where IsIn(file, rule.Path)
        from name in Names(file)
        from forbidden in rule.Forbidden
        where IsWithin(name.Text, forbidden) || IsWithin($"{file.Project}.{name.Text}", forbidden)
        select name.Finding($"{rule.Path} must not know {forbidden}.");

    /// <summary>A path that ends in a star means the files of that folder without those of its folders.</summary>
    private static bool IsIn(SourceFile file, string path) =>
        path.EndsWith('*') ? Path.GetDirectoryName(file.Path) + "/*" == path : file.Path.StartsWith(path, StringComparison.Ordinal);

    private static bool IsWithin(string name, string container) =>
        name == container || name.StartsWith(container + ".", StringComparison.Ordinal);

    /// <summary>The names that are imported or written out, each one once: not also the parts it consists of.</summary>
    private static IEnumerable<(string Text, Func<string, Finding> Finding)> Names(SourceFile file)
    {
        IEnumerable<NameSyntax> imported = file.Nodes<UsingDirectiveSyntax>().Select(directive => directive.Name).OfType<NameSyntax>();
        IEnumerable<NameSyntax> written = file.Nodes<QualifiedNameSyntax>()
            .Where(name => name.Parent is not (QualifiedNameSyntax or UsingDirectiveSyntax or BaseNamespaceDeclarationSyntax));
        IEnumerable<MemberAccessExpressionSyntax> accessed = file.Nodes<MemberAccessExpressionSyntax>()
            .Where(access => access.Parent is not MemberAccessExpressionSyntax)
            .Where(access => access.ToString().StartsWith("LockService.", StringComparison.Ordinal));
        return imported.Concat<ExpressionOrPatternSyntax>(written).Concat(accessed)
            .Select(name => (name.ToString(), (Func<string, Finding>)(message => file.Finding(name, message))));
    }
}
