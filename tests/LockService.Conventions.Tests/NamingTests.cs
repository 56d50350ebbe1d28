using Xunit;

namespace LockService.Conventions.Tests;

public sealed class NamingTests
{
    private static readonly string[] s_forbiddenEndings =
        ["Manager", "Helper", "Helpers", "Util", "Utils", "Impl", "Base", "Common", "Info"];

    [Fact]
    public void Type_names_are_nouns_a_user_would_say() =>
        Repository.Product.Concat(Repository.Tests).SelectMany(EmptyNames).ShouldBeNone();

    [Theory]
    [InlineData("class LockManager;")]
    [InlineData("class Outer { struct PathUtil; }")]
    [InlineData("record SessionInfo(int Id);")]
    [InlineData("enum KindBase { }")]
    public void An_empty_name_is_found(string text) => EmptyNames(new SourceFile("src/P/A.cs", text)).ShouldBeOneAtLine(1);

    [Fact]
    public void A_name_that_merely_contains_such_a_word_is_not() =>
        EmptyNames(new SourceFile("src/P/A.cs", "class Database; class InformedChoice; class Managers;")).ShouldBeNone();

    [Fact]
    public void No_folder_has_the_name_of_a_type() =>
        Repository.Product.Concat(Repository.Tests).GroupBy(file => file.Project).SelectMany(NamesUsedTwice).ShouldBeNone();

    [Fact]
    public void A_folder_with_the_name_of_a_type_is_found() =>
        NamesUsedTwice([new("src/P/Session/Loop.cs", "class Loop;"), new("src/P/Session.cs", "\nclass Session;")]).ShouldBeOneAtLine(2);

    private static IEnumerable<Finding> EmptyNames(SourceFile file) =>
        from type in file.Types
        from ending in s_forbiddenEndings
        where type.Identifier.Text.EndsWith(ending, StringComparison.Ordinal)
        select file.Finding(type.Identifier, $"{type.Identifier.Text} ends in {ending}, which says nothing. Name what it is.");

    /// <summary>Within a namespace that ends like a type, the type can only be reached by tricks.</summary>
    private static IEnumerable<Finding> NamesUsedTwice(IEnumerable<SourceFile> project)
    {
        List<SourceFile> files = [.. project];
        HashSet<string> folders = [.. files.SelectMany(file => file.Folders)];
        return from file in files
               from type in file.Types
               where folders.Contains(type.Identifier.Text)
               select file.Finding(type.Identifier, $"A folder of this project is called {type.Identifier.Text} too. Rename one of them.");
    }
}
