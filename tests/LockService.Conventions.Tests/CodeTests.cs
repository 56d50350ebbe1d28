using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace LockService.Conventions.Tests;

/// <summary>What must not be written anywhere in the product's code or the tests'.</summary>
public sealed class CodeTests
{
    private static IEnumerable<SourceFile> Everywhere => Repository.Product.Concat(Repository.Tests);

    [Fact]
    public void No_method_is_async_void() => Everywhere.SelectMany(AsyncVoid).ShouldBeNone();

    [Theory]
    [InlineData("class A { async void B() { } }")]
    [InlineData("class A { void B() { static async void C() { } } }")]
    public void An_async_void_method_is_found(string text) => AsyncVoid(Sample(text)).ShouldBeOneAtLine(1);

    [Fact]
    public void An_exception_that_is_dropped_has_a_reason() => Everywhere.SelectMany(SilentCatch).ShouldBeNone();

    [Theory]
    [InlineData("class A { void B() { try { } catch { } } }")]
    [InlineData("class A { void B() { try { } catch (Exception e) when (e is IOException) {\n} } }")]
    public void An_empty_catch_is_found(string text) => SilentCatch(Sample(text)).ShouldBeOneAtLine(1);

    [Fact]
    public void A_catch_that_says_why_is_not() =>
        SilentCatch(Sample("class A { void B() { try { } catch {\n// It is gone already, as was wanted.\n} } }")).ShouldBeNone();

    [Fact]
    public void Nothing_sleeps_to_wait() => Everywhere.SelectMany(Sleep).ShouldBeNone();

    [Theory]
    [InlineData("class A { void B() { Thread.Sleep(1); } }")]
    [InlineData("class A { Action<int> b = System.Threading.Thread.Sleep; }")]
    public void A_sleep_is_found(string text) => Sleep(Sample(text)).ShouldBeOneAtLine(1);

    [Fact]
    public void No_file_has_regions() => Everywhere.SelectMany(Regions).ShouldBeNone();

    [Fact]
    public void A_region_is_found() => Regions(Sample("class A\n{\n#region B\n#endregion\n}")).ShouldBeOneAtLine(3);

    [Fact]
    public void Nothing_is_left_for_later() => Repository.Product.SelectMany(Unfinished).ShouldBeNone();

    [Theory]
    [InlineData("class A; // TO" + "DO: the rest")]
    [InlineData("/* FIX" + "ME */ class A;")]
    [InlineData("/// <summary>TO" + "DO</summary>\nclass A;")]
    [InlineData("class A { int B() => throw new System.NotImplementedException(); }")]
    public void Something_left_for_later_is_found(string text) => Unfinished(Sample(text)).ShouldBeOneAtLine(1);

    private static SourceFile Sample(string text) => new("src/P/A.cs", text);

    private static IEnumerable<Finding> AsyncVoid(SourceFile file)
    {
        const string message = "async void: nobody can await it, and its exceptions end the process. Return a Task.";
        return file.Nodes<MethodDeclarationSyntax>()
            .Where(method => method.Modifiers.Any(SyntaxKind.AsyncKeyword) && IsVoid(method.ReturnType))
            .Select(method => file.Finding(method.Identifier, message))
            .Concat(file.Nodes<LocalFunctionStatementSyntax>()
                .Where(function => function.Modifiers.Any(SyntaxKind.AsyncKeyword) && IsVoid(function.ReturnType))
                .Select(function => file.Finding(function.Identifier, message)));
    }

    private static bool IsVoid(TypeSyntax type) =>
        type is PredefinedTypeSyntax predefined && predefined.Keyword.IsKind(SyntaxKind.VoidKeyword);

    private static IEnumerable<Finding> SilentCatch(SourceFile file) =>
        file.Nodes<CatchClauseSyntax>()
            .Where(clause => clause.Block.Statements.Count == 0 && !clause.Block.DescendantTrivia().Any(IsComment))
            .Select(clause => file.Finding(clause, "An empty catch. Handle the exception, or say in a comment why it may be dropped."));

    private static IEnumerable<Finding> Sleep(SourceFile file) =>
        file.Nodes<MemberAccessExpressionSyntax>()
            .Where(access => access.Name.Identifier.Text == "Sleep" && access.Expression.ToString().Split('.')[^1] == "Thread")
            .Select(access => file.Finding(access, "Thread.Sleep. Wait on a condition instead."));

    private static IEnumerable<Finding> Regions(SourceFile file) =>
        file.Syntax.DescendantTrivia(descendIntoTrivia: true)
            .Where(trivia => trivia.IsKind(SyntaxKind.RegionDirectiveTrivia))
            .Select(trivia => file.Finding(trivia, "A region hides that the file is too long. Split it."));

    private static IEnumerable<Finding> Unfinished(SourceFile file) =>
        file.Nodes<IdentifierNameSyntax>()
            .Where(name => name.Identifier.Text == nameof(NotImplementedException))
            .Select(name => file.Finding(name, "Not implemented. Write it, or leave the member out."))
            .Concat(file.Syntax.DescendantTrivia()
                .Where(trivia => IsComment(trivia) && IsNoteToSelf(trivia.ToFullString()))
                .Select(trivia => file.Finding(trivia, "A note to oneself. Do it, or open an issue.")));

    private static bool IsNoteToSelf(string comment) =>
        comment.Contains("TO" + "DO", StringComparison.Ordinal) || comment.Contains("FIX" + "ME", StringComparison.Ordinal);

    private static bool IsComment(SyntaxTrivia trivia) => trivia.Kind()
        is SyntaxKind.SingleLineCommentTrivia
        or SyntaxKind.MultiLineCommentTrivia
        or SyntaxKind.SingleLineDocumentationCommentTrivia
        or SyntaxKind.MultiLineDocumentationCommentTrivia;
}
